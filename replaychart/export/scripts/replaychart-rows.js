// Restores the rows of charts, which `compression.py` packs. Used in saved pages and in sites.

const replaychartRows = (() => {
  const summed = (steps, at) => steps.map((step) => step === null ? null : (at += step));

  /**
   * Arrays of whole numbers are given by their differences. In an array of arrays, the first number
   * of each refers to the first number of the one before.
   */
  function values(steps) {
    if (!Array.isArray(steps[0])) return summed(steps, 0);
    let start = 0;
    return steps.map((own) => {
      const numbers = summed(own, start);
      start = numbers.find((number) => number !== null) ?? start;
      return numbers;
    });
  }

  /** Restores the packed datasets of a spec in place. */
  function restore(spec) {
    for (const [name, rows] of Object.entries(spec.datasets || {})) {
      if (!name.startsWith("replaychart-")) continue;
      for (const row of rows) {
        for (const key in row) if (row[key]?.steps) row[key] = values(row[key].steps);
      }
    }
  }

  return { restore };
})();
