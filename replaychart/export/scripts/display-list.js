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

  function put(...values) {
    if (length + values.length > numbers.length) {
      const larger = new Float64Array(2 * (numbers.length + values.length));
      larger.set(numbers);
      numbers = larger;
    }
    for (const value of values) numbers[length++] = value;
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
    textBaseline: "alphabetic", globalCompositeOperation: "source-over",
  };

  class RecordingContext {
    constructor() {
      this.canvas = { width: 1, height: 1 };
      this.reset();
    }

    reset() {
      this.settings = { ...INITIAL };
      this.matrix = [1, 0, 0, 1, 0, 0];
      this.saved = [];
      this.styles = {};
      this.path = [];
    }

    save() {
      this.saved.push([{ ...this.settings }, this.matrix]);
      put(SAVE);
    }

    restore() {
      if (!this.saved.length) return;
      [this.settings, this.matrix] = this.saved.pop();
      this.styles = {};
      put(RESTORE);
    }

    setTransform(...matrix) {
      this.styles = {};
      this.matrix = matrix;
    }

    transform(a, b, c, d, e, f) {
      this.styles = {};
      const [A, B, C, D, E, F] = this.matrix;
      this.matrix = [A * a + C * b, B * a + D * b, A * c + C * d, B * c + D * d, A * e + C * f + E, B * e + D * f + F];
    }

    translate(x, y) {
      const [a, b, c, d, e, f] = this.matrix;
      this.matrix = [a, b, c, d, a * x + c * y + e, b * x + d * y + f];
    }

    rotate(angle) {
      this.transform(Math.cos(angle), Math.sin(angle), -Math.sin(angle), Math.cos(angle), 0, 0);
    }

    scale(x, y) {
      this.transform(x, 0, 0, y, 0, 0);
    }

    // The factor for lengths, which must be the same in all directions.
    factor() {
      const [a, b, c, d] = this.matrix;
      const factor = Math.hypot(a, b);
      if (Math.abs(factor - Math.hypot(c, d)) > 1e-6 * factor || Math.abs(a * c + b * d) > 1e-6 * factor) {
        unsupported("a scale that differs between directions");
      }
      return factor;
    }

    add(verb, ...points) {
      const [a, b, c, d, e, f] = this.matrix;
      this.path.push(verb);
      for (let i = 0; i < points.length; i += 2) {
        const x = points[i], y = points[i + 1];
        this.path.push(a * x + c * y + e, b * x + d * y + f);
      }
      this.circle = null;
    }

    beginPath() {
      this.path = [];
      this.circle = null;
    }

    moveTo(x, y) {
      this.add(MOVE, x, y);
    }

    lineTo(x, y) {
      this.add(this.path.length ? LINE : MOVE, x, y);
    }

    quadraticCurveTo(...points) {
      this.add(QUAD, ...points);
    }

    bezierCurveTo(...points) {
      this.add(CUBIC, ...points);
    }

    closePath() {
      if (this.path.length) this.add(CLOSE);
    }

    rect(x, y, width, height) {
      this.add(MOVE, x, y);
      this.add(LINE, x + width, y);
      this.add(LINE, x + width, y + height);
      this.add(LINE, x, y + height);
      this.add(CLOSE);
    }

    arc(x, y, radius, start, end, counterclockwise) {
      const full = 2 * Math.PI;
      let sweep = end - start;
      if (counterclockwise) sweep = sweep <= -full ? -full : sweep > 0 ? (sweep % full) - full : sweep;
      else sweep = sweep >= full ? full : ((sweep % full) + full) % full;
      const alone = this.path.length <= 3;
      this.lineTo(x + radius * Math.cos(start), y + radius * Math.sin(start));
      const count = Math.max(Math.ceil(Math.abs(sweep) / (Math.PI / 2) - 1e-9), 1);
      const step = sweep / count;
      const handle = (4 / 3) * Math.tan(step / 4) * radius;
      for (let i = 0; i < count; i++) {
        const from = start + i * step, to = from + step;
        const [c, s, C, S] = [Math.cos(from), Math.sin(from), Math.cos(to), Math.sin(to)];
        this.add(
          CUBIC, x + radius * c - handle * s, y + radius * s + handle * c,
          x + radius * C + handle * S, y + radius * S - handle * C, x + radius * C, y + radius * S,
        );
      }
      if (alone && Math.abs(sweep) === full) {
        const [a, b, c, d, e, f] = this.matrix;
        this.circle = [a * x + c * y + e, b * x + d * y + f, radius * this.factor()];
      }
    }

    style(kind) {
      let number = this.styles[kind];
      if (number === undefined) {
        const values = KINDS[kind].map((name) => this.settings[name]);
        number = numberOf(JSON.stringify([kind, kind === "stroke" ? this.factor() : 1, ...values]));
        this.styles[kind] = number;
      }
      return number;
    }

    paint(kind) {
      const style = this.style(kind);
      if (this.circle) put(CIRCLE, style, ...this.circle);
      else {
        put(PATH, style, this.path.length);
        for (const value of this.path) put(value);
      }
    }

    fill() {
      this.paint("fill");
    }

    stroke() {
      this.paint("stroke");
    }

    clip() {
      put(CLIP, this.path.length);
      for (const value of this.path) put(value);
    }

    fillRect(...corners) {
      this.beginPath();
      this.rect(...corners);
      this.fill();
    }

    clearRect() {}

    fillText(text, x, y) {
      put(TEXT, this.style("text"), numberOf(text), x, y, ...this.matrix);
    }

    strokeText(text, x, y) {
      put(TEXT, this.style("outline"), numberOf(text), x, y, ...this.matrix);
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
      this.set("dash", [...dash]);
    }

    isPointInPath() {
      return false;
    }

    isPointInStroke() {
      return false;
    }

    set(name, value) {
      if (this.settings[name] === value) return;
      this.settings[name] = value;
      this.styles = {};
    }
  }

  for (const name of Object.keys(INITIAL)) {
    Object.defineProperty(RecordingContext.prototype, name, {
      get() {
        return this.settings[name];
      },
      set(value) {
        if (name === "globalCompositeOperation" && value !== "source-over") unsupported(`the blend mode ${value}`);
        this.set(name, value);
      },
    });
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

  function numberRows(data) {
    for (const { values } of data) {
      if (Array.isArray(values)) values.forEach((row, i) => { if (row === Object(row)) row[ORDER] = i; });
    }
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

  const context = new RecordingContext();
  let view;
  let others = [];
  let state = "";

  globalThis.displayList = {
    // Makes the view of a chart.
    start(text) {
      const chart = JSON.parse(text);
      numberRows(chart.data ?? []);
      others = sortedByChart(chart);
      view = new vega.View(vega.parse(chart), { renderer: "none" }).initialize();
    },
    // Starts recording what the view shows with these signals; `state` is "done" afterwards, or the
    // error.
    record(signals, scale) {
      for (const [name, value] of Object.entries(signals)) view.signal(name, value);
      view.run();
      putInOrder(view.scenegraph().root, others);
      length = 0;
      state = "drawing";
      context.reset();
      view.toCanvas(scale, { externalContext: context }).then(
        () => { state = "done"; },
        (error) => { state = String(error); },
      );
    },
    state: () => state,
    // The texts whose widths were estimated.
    missing: () => `[${[...missing.keys()]}]`,
    measured(found) {
      [...missing.keys()].forEach((key, i) => widths.set(key, found[i]));
      missing = new Map();
    },
    numbers: () => numbers.slice(0, length).buffer,
    // The texts and styles from a number on.
    texts: (first) => JSON.stringify(texts.slice(first)),
  };
})();
