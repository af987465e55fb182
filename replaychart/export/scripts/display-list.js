// A canvas context for Vega that draws nothing and records what is drawn instead, in pixels of the
// image: a display list. It is an array of numbers, in which an operation is followed by its
// arguments; texts and styles are numbered. `skia_images.py` reads it.
(() => {
  const SAVE = 0, RESTORE = 1, CLIP = 2, PATH = 3, CIRCLE = 4, TEXT = 5;
  const MOVE = 0, LINE = 1, QUAD = 2, CUBIC = 3, CLOSE = 4;

  let numbers = new Float64Array(1 << 16);
  let length = 0;
  const texts = [];
  const numbered = new Map();

  function withRoom(array, used, more) {
    if (used + more <= array.length) return array;
    const larger = new Float64Array(2 * (used + more));
    larger.set(array.subarray(0, used));
    return larger;
  }

  function put(a, b, c, d, e) {
    numbers = withRoom(numbers, length, 5);
    numbers[length++] = a;
    if (b === undefined) return;
    numbers[length++] = b;
    if (c === undefined) return;
    numbers[length++] = c;
    if (d === undefined) return;
    numbers[length++] = d;
    numbers[length++] = e;
  }

  function numberOf(text) {
    let number = numbered.get(text);
    if (number === undefined) {
      number = texts.length;
      texts.push(text);
      numbered.set(text, number);
    }
    return number;
  }

  function unsupported(what) {
    throw new Error(`not supported: ${what}`);
  }

  // The settings that a fill, a stroke and a text depend on.
  const KINDS = {
    fill: ["fillStyle", "globalAlpha"],
    stroke: ["strokeStyle", "globalAlpha", "lineWidth", "lineCap", "lineJoin", "miterLimit", "dash", "lineDashOffset"],
    text: ["fillStyle", "globalAlpha", "font", "textAlign"],
    outline: ["strokeStyle", "globalAlpha", "font", "textAlign", "lineWidth", "lineJoin", "miterLimit"],
  };
  const INITIAL = {
    fillStyle: "#000", strokeStyle: "#000", globalAlpha: 1, lineWidth: 1, lineCap: "butt", lineJoin: "miter",
    miterLimit: 10, dash: [], lineDashOffset: 0, font: "10px sans-serif", textAlign: "start",
    textBaseline: "alphabetic", globalCompositeOperation: "source-over", a: 1, b: 0, c: 0, d: 1, e: 0, f: 0,
  };
  const SETTINGS = Object.keys(INITIAL);
  const FULL = 2 * Math.PI;

  // The settings and the matrix (a to f) are plain properties, which Vega sets for each mark.
  class RecordingContext {
    constructor() {
      this.canvas = { width: 1, height: 1 };
      this.reset();
    }

    reset() {
      Object.assign(this, INITIAL);
      this.saved = [];
      this.path = new Float64Array(1 << 12);
      this.beginPath();
      this.styles = { fill: {}, stroke: {}, text: {}, outline: {} };
    }

    save() {
      const settings = {};
      for (const name of SETTINGS) settings[name] = this[name];
      this.saved.push(settings);
      put(SAVE);
    }

    restore() {
      if (!this.saved.length) return;
      Object.assign(this, this.saved.pop());
      put(RESTORE);
    }

    setTransform(a, b, c, d, e, f) {
      Object.assign(this, { a, b, c, d, e, f });
    }

    matrix() {
      return [this.a, this.b, this.c, this.d, this.e, this.f];
    }

    transform(a, b, c, d, e, f) {
      const { a: A, b: B, c: C, d: D, e: E, f: F } = this;
      this.setTransform(
        A * a + C * b, B * a + D * b, A * c + C * d, B * c + D * d, A * e + C * f + E, B * e + D * f + F,
      );
    }

    translate(x, y) {
      this.e += this.a * x + this.c * y;
      this.f += this.b * x + this.d * y;
    }

    rotate(angle) {
      this.transform(Math.cos(angle), Math.sin(angle), -Math.sin(angle), Math.cos(angle), 0, 0);
    }

    scale(x, y) {
      this.transform(x, 0, 0, y, 0, 0);
    }

    // The factor for lengths, which must be the same in all directions.
    factor() {
      const { a, b, c, d } = this;
      if (a === d && b === 0 && c === 0 && a > 0) return a;
      const factor = Math.hypot(a, b);
      if (Math.abs(factor - Math.hypot(c, d)) > 1e-6 * factor || Math.abs(a * c + b * d) > 1e-6 * factor) {
        unsupported("a scale that differs between directions");
      }
      return factor;
    }

    beginPath() {
      this.pathLength = 0;
      this.circle = null;
    }

    verb(verb) {
      if (this.circle) this.addCircle();
      this.path = withRoom(this.path, this.pathLength, 7);
      this.path[this.pathLength++] = verb;
    }

    point(x, y) {
      this.path[this.pathLength++] = this.a * x + this.c * y + this.e;
      this.path[this.pathLength++] = this.b * x + this.d * y + this.f;
    }

    moveTo(x, y) {
      this.verb(MOVE);
      this.point(x, y);
    }

    lineTo(x, y) {
      this.verb(this.pathLength ? LINE : MOVE);
      this.point(x, y);
    }

    quadraticCurveTo(x1, y1, x, y) {
      this.verb(QUAD);
      this.point(x1, y1);
      this.point(x, y);
    }

    bezierCurveTo(x1, y1, x2, y2, x, y) {
      this.verb(CUBIC);
      this.point(x1, y1);
      this.point(x2, y2);
      this.point(x, y);
    }

    closePath() {
      if (this.circle || this.pathLength) this.verb(CLOSE);
    }

    rect(x, y, width, height) {
      this.moveTo(x, y);
      this.lineTo(x + width, y);
      this.lineTo(x + width, y + height);
      this.lineTo(x, y + height);
      this.closePath();
    }

    arc(x, y, radius, start, end, counterclockwise) {
      let sweep = end - start;
      if (counterclockwise) sweep = sweep <= -FULL ? -FULL : sweep > 0 ? (sweep % FULL) - FULL : sweep;
      else sweep = sweep >= FULL ? FULL : ((sweep % FULL) + FULL) % FULL;
      // Most marks are circles, and a circle alone is painted without its curves.
      if (this.circle || this.pathLength > 3 || Math.abs(sweep) !== FULL) this.addArc(x, y, radius, start, sweep);
      else this.circle = { x, y, radius, start, sweep, matrix: this.matrix() };
    }

    addCircle() {
      const { x, y, radius, start, sweep, matrix } = this.circle;
      const now = this.matrix();
      this.circle = null;
      this.setTransform(...matrix);
      this.addArc(x, y, radius, start, sweep);
      this.setTransform(...now);
    }

    addArc(x, y, radius, start, sweep) {
      this.lineTo(x + radius * Math.cos(start), y + radius * Math.sin(start));
      const count = Math.max(Math.ceil(Math.abs(sweep) / (Math.PI / 2) - 1e-9), 1);
      const step = sweep / count;
      const handle = (4 / 3) * Math.tan(step / 4) * radius;
      for (let i = 0; i < count; i++) {
        const from = start + i * step, to = from + step;
        const [c, s, C, S] = [Math.cos(from), Math.sin(from), Math.cos(to), Math.sin(to)];
        this.bezierCurveTo(
          x + radius * c - handle * s, y + radius * s + handle * c,
          x + radius * C + handle * S, y + radius * S - handle * C, x + radius * C, y + radius * S,
        );
      }
    }

    style(kind) {
      const last = this.styles[kind], names = KINDS[kind];
      const factor = kind === "stroke" ? this.factor() : 1;
      let same = last.factor === factor;
      for (let i = 0; same && i < names.length; i++) same = last[names[i]] === this[names[i]];
      if (!same) {
        if (this.globalCompositeOperation !== "source-over") {
          unsupported(`the blend mode ${this.globalCompositeOperation}`);
        }
        for (const name of names) last[name] = this[name];
        last.factor = factor;
        last.number = numberOf(JSON.stringify([kind, factor, ...names.map((name) => this[name])]));
      }
      return last.number;
    }

    paint(kind, color) {
      if (color === "transparent") return;
      const style = this.style(kind);
      if (this.circle) {
        const { x, y, radius, matrix: [a, b, c, d, e, f] } = this.circle;
        put(CIRCLE, style, a * x + c * y + e, b * x + d * y + f, radius * this.factor());
      } else {
        put(PATH, style);
        this.putPath();
      }
    }

    putPath() {
      if (this.circle) this.addCircle();
      numbers = withRoom(numbers, length, this.pathLength + 1);
      numbers[length++] = this.pathLength;
      numbers.set(this.path.subarray(0, this.pathLength), length);
      length += this.pathLength;
    }

    fill() {
      this.paint("fill", this.fillStyle);
    }

    stroke() {
      this.paint("stroke", this.strokeStyle);
    }

    clip() {
      put(CLIP);
      this.putPath();
    }

    fillRect(x, y, width, height) {
      this.beginPath();
      this.rect(x, y, width, height);
      this.fill();
    }

    clearRect() {}

    fillText(text, x, y) {
      this.putText(this.style("text"), text, x, y);
    }

    strokeText(text, x, y) {
      this.putText(this.style("outline"), text, x, y);
    }

    putText(style, text, x, y) {
      put(TEXT, style, numberOf(text), x, y);
      for (const value of this.matrix()) put(value);
    }

    drawImage() {
      unsupported("an image");
    }

    createLinearGradient() {
      unsupported("a gradient");
    }

    createRadialGradient() {
      unsupported("a gradient");
    }

    setLineDash(dash) {
      // Vega passes the same array for all solid lines.
      this.dash = dash;
    }

    isPointInPath() {
      return false;
    }

    isPointInStroke() {
      return false;
    }
  }

  // Widths of texts that the layout depends on, as vl-convert measures them: those of the labels of
  // axes, of which Vega leaves out some, and of texts that are cut off.
  const widths = new Map();
  let missing = new Map();
  vega.textMetrics.width = (item, text) => {
    const estimate = 0.6 * vega.fontSize(item) * String(text).length;
    if (!(item.limit > 0) && item.mark?.role !== "axis-label") return estimate;
    const { font, fontSize, fontWeight, fontStyle } = item;
    const key = JSON.stringify({ text: String(text), font, fontSize, fontWeight, fontStyle });
    if (!widths.has(key)) missing.set(key, estimate);
    return widths.get(key) ?? estimate;
  };

  // Marks are painted in the order in which their rows passed the filters. In a view that is stepped
  // this depends on the epochs before, so they are put into the order of the data, as in a still
  // image.
  const ORDER = "replay_order";

  function numberRows(rows) {
    rows.forEach((row, i) => { if (row === Object(row)) row[ORDER] = i; });
  }

  function sortedByChart(view) {
    return (view.marks ?? []).flatMap((mark) => [...(mark.sort ? [mark.name] : []), ...sortedByChart(mark)]);
  }

  function putInOrder(mark, others) {
    const { items } = mark;
    if (mark.marktype === "group") items.forEach((group) => group.items.forEach((one) => putInOrder(one, others)));
    else if (!others.includes(mark.name) && items.every((item) => item.datum?.[ORDER] !== undefined)) {
      items.sort((a, b) => a.datum[ORDER] - b.datum[ORDER]);
    }
  }

  // A dataset of a film. The view has only the rows of the epoch that is shown, so that a step takes
  // as long in a film of many epochs.
  class FilmRows {
    constructor({ rows, packed, gliding, strings, whole }) {
      this.rows = rows;
      this.moves = (row) => !(whole in row);
      this.packed = packed.map((name) => ({ name, glides: gliding.includes(name), isString: strings.includes(name) }));
      rows.forEach(numberRows);
    }

    forget() {
      this.shown = null;
    }

    show(view, name, place, share) {
      if (this.shown && place === this.place && share === this.share) return;
      const changes = vega.changeset();
      if (this.shown && this.packed.length) this.packed.forEach((column) => this.step(column, place, share, changes));
      else {
        this.shown = this.packed.length ? this.rows[0].map((row) => this.at(row, place, share)) : this.rows[place].map(copied);
        changes.remove(() => true).insert(this.shown);
      }
      view.change(name, changes);
      this.place = place;
      this.share = share;
    }

    at(row, place, share) {
      const shown = copied(row);
      if (this.moves(row)) {
        for (const { name, glides, isString } of this.packed) {
          shown[name] = isString ? row[name][place] : [entry(row[name], place, glides ? share : 0)];
        }
      }
      return shown;
    }

    step({ name, glides, isString }, place, share, changes) {
      const [rows] = this.rows;
      if (isString) changes.modify(this.moves, name, (shown) => rows[shown[ORDER]][name][place]);
      // Vega's own copies of a row have the same arrays. The formulas that read them depend on the
      // epoch, so they are computed again anyway.
      else rows.forEach((row, i) => { if (this.moves(row)) this.shown[i][name][0] = entry(row[name], place, glides ? share : 0); });
    }
  }

  const copied = (row) => ({ ...row });

  function entry(values, place, share) {
    const now = values[place];
    if (!share) return now;
    const then = values[Math.min(place + 1, values.length - 1)];
    return now === null || then === null ? now : now + (then - now) * share;
  }

  const context = new RecordingContext();
  let view;
  let text;
  let film = {};
  let others = [];
  let state = "";
  let ends = [];

  function draw(signals, places, scale) {
    for (const [name, value] of Object.entries(signals)) view.signal(name, value);
    for (const [name, [place, share]] of Object.entries(places)) film[name].show(view, name, place, share);
    view.run();
    putInOrder(view.scenegraph().root, others);
    context.reset();
    return view.toCanvas(scale, { externalContext: context }).then(() => { ends.push(length); });
  }

  globalThis.displayList = {
    // Takes a chart, as JSON, and the rows of its datasets that differ between epochs.
    load(chart, datasets) {
      text = chart;
      film = Object.fromEntries(Object.entries(JSON.parse(datasets)).map(([name, rows]) => [name, new FilmRows(rows)]));
    },
    // Makes the view of the chart.
    start() {
      const chart = JSON.parse(text);
      for (const { values } of chart.data ?? []) if (Array.isArray(values)) numberRows(values);
      for (const rows of Object.values(film)) rows.forget();
      others = sortedByChart(chart);
      view = new vega.View(vega.parse(chart), { renderer: "none" }).initialize();
    },
    // Starts recording what the view shows at some moments, one after the other.
    record(moments, scale) {
      length = 0;
      ends = [];
      state = "drawing";
      moments
        .reduce((before, [signals, places]) => before.then(() => draw(signals, places, scale)), Promise.resolve())
        .then(() => { state = "done"; }, (error) => { state = String(error); });
    },
    // How the recording went ("done" or the error), where each moment ends in the numbers, the texts
    // whose widths were estimated, and the texts and styles from a number on.
    report: (first) => JSON.stringify([state, ends, [...missing.keys()].map((key) => JSON.parse(key)), texts.slice(first)]),
    measured(found) {
      [...missing.keys()].forEach((key, i) => widths.set(key, found[i]));
      missing = new Map();
    },
    numbers: () => numbers.slice(0, length).buffer,
  };
})();
