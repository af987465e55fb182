// Draws the charts of a training run that goes on. Vega's libraries are put before this script.

const SAMPLES = "link_samples"; // as in playback/selection.py
// What a chart keeps when it is drawn anew, and what moves by itself.
const KEPT = ["playing", "speed", "tour", "touring"], MOVING = ["playing", "touring"];
const rowsOf = ({rows, columns, first}) => {
  if (rows) return rows;
  const names = Object.keys(columns);
  const found = columns[names[0]].map((_, i) => Object.fromEntries(names.map((name) => [name, columns[name][i]])));
  Object.assign(found[0], first);
  return found;
};
const changed = (whole, change) =>
  !change ? whole : {...change, ...(change.columns ? {columns: {...whole.columns, ...change.columns}} : {})};

export class LiveView {
  // `element` contains the chart; `listener` has `epoch(number)`, `playing(boolean)`, `samples(string)`.
  constructor(element, listener) {
    Object.assign(this, {element, listener, wanted: null, busy: false, result: null, whole: null, closed: false,
      dark: false, samples: ""});
    this.watching = replaychartBackground.watch(() => this.follow());
  }

  // Draws the chart anew if the page has become light or dark.
  follow() {
    if (this.shown && this.about?.dark && this.dark !== replaychartBackground.isDark(this.element)) {
      this.show(...this.shown).catch(console.error);
    }
  }

  // Shows a chart. A browser that is too slow leaves charts out, and shows the newest in the end.
  async show(whole, changes) {
    this.shown = [whole, changes];
    this.wanted = {whole, changes: changes?.name === whole.name ? changes : null};
    if (this.busy) return;
    this.busy = true;
    try {
      while (this.wanted && !this.closed) {
        const {whole, changes} = this.wanted;
        this.wanted = null;
        await this.draw(whole, changes);
      }
    } finally {
      this.busy = false;
    }
  }

  async draw(whole, changes) {
    const settings = {...whole.settings, ...changes?.settings};
    const datasets = Object.fromEntries(Object.entries(whole.datasets).map(([name, own]) =>
      [name, changed(own, changes?.datasets[name])]));
    const dark = !!whole.dark && replaychartBackground.isDark(this.element);
    if (this.whole === whole.name && this.dark === dark) {
      try {
        await this.update(settings, changes?.datasets || {}, datasets);
      } catch (error) {
        console.warn(error);
        await this.replace(whole, settings, datasets, changes?.datasets || {});
      }
    } else {
      const kept = this.whole === whole.name ? this.position() : {};
      this.dark = dark;
      await this.replace(whole, {...settings, ...kept}, datasets, changes?.datasets || {});
    }
    this.settings = settings;
    this.about = {...whole, ...changes};
  }

  // What a replay keeps when it is drawn anew.
  position() {
    const {slider, spec} = this.about, kept = slider ? [slider, ...KEPT] : [];
    const names = (spec.params || []).map(({name}) => name).filter((name) => kept.includes(name));
    return Object.fromEntries(names.map((name) => [name, this.result.view.signal(name)]));
  }

  async update(settings, changes, datasets) {
    const {view} = this.result;
    for (const [name, value] of Object.entries(settings)) {
      if (value !== this.settings[name]) view.signal(name, value);
    }
    // What has changed earlier, but is as it was at first, is not among the changes.
    for (const name of new Set([...Object.keys(changes), ...this.touched])) {
      view.data(name, rowsOf(datasets[name]));
      this.touched.add(name);
    }
    await view.runAsync();
  }

  // Draws out of sight, so that the old chart is seen until the new one is complete.
  async replace(whole, settings, datasets, changes) {
    const box = document.createElement("div");
    Object.assign(box.style, {position: "absolute", visibility: "hidden"});
    this.element.append(box);
    const params = (whole.spec.params || []).map((one) =>
      one.name in settings ? {...one, value: settings[one.name]} : one);
    const rows = Object.fromEntries(Object.entries(datasets).map(([name, own]) => [name, rowsOf(own)]));
    const options = {actions: false, renderer: "canvas", tooltip: {theme: this.dark ? "dark" : "light"}};
    const config = this.dark ? replaychartBackground.darkened(whole.spec.config || {}, whole.dark) : whole.spec.config;
    const result = await vegaEmbed(box, {...whole.spec, config, params, datasets: rows}, options);
    // For readers who prefer less motion, nothing moves until they start it.
    if (!this.result && matchMedia("(prefers-reduced-motion: reduce)").matches) {
      for (const {name} of params) if (MOVING.includes(name)) result.view.signal(name, false);
      await result.view.runAsync();
    }
    this.result?.finalize();
    for (const other of [...this.element.children]) if (other !== box) other.remove();
    Object.assign(box.style, {position: "", visibility: ""});
    Object.assign(this, {result, whole: whole.name, about: whole, touched: new Set(Object.keys(changes))});
    this.listen();
    if (this.samples) await this.setSamples(this.samples);
  }

  listen() {
    const {view} = this.result;
    for (const name of ["epoch", "playing"]) {
      try {
        view.addSignalListener(name, (_, value) => this.listener[name]?.(value));
        this.listener[name]?.(view.signal(name));
      } catch { /* a chart without this signal */ }
    }
    try {
      view.addSignalListener(SAMPLES, (_, value) => this.listener.samples?.(this.samples = value));
      if (!this.samples) this.listener.samples?.(this.samples = view.signal(SAMPLES));
    } catch { /* a chart that is not linked */ }
  }

  // Picks samples of a linked chart, by their numbers.
  async setSamples(samples) {
    this.samples = samples;
    if (!this.result) return;
    const {view} = this.result;
    if (!(SAMPLES in view.getState().signals) || view.signal(SAMPLES) === samples) return;
    await view.signal(SAMPLES, samples).runAsync();
  }

  // Moves the slider of a replay to the last of its epochs that is not later.
  async setEpoch(epoch) {
    if (!this.about?.slider || this.result.view.signal("epoch") === epoch) return;
    const {slider, stops} = this.about;
    const place = Math.max(stops.filter((stop) => stop <= epoch).length - 1, 0);
    await this.result.view.signal(slider, slider === "epoch" ? stops[place] : place).runAsync();
  }

  async setPlaying(playing) {
    if (!this.about?.slider || this.result.view.signal("playing") === playing) return;
    await this.result.view.signal("playing", playing).runAsync();
  }

  close() {
    this.closed = true;
    this.watching();
    this.result?.finalize();
  }
}
