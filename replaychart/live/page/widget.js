// The notebook's widget: the chart, and below it what steers the training.

const read = (bytes) => bytes?.byteLength ? JSON.parse(new TextDecoder().decode(bytes)) : null;
const STYLE = `
.replaychart-live { font: 13px system-ui, sans-serif; }
.replaychart-live .steering { display: flex; flex-wrap: wrap; gap: 8px; align-items: center; margin-top: 6px; }
.replaychart-live .steering[hidden] { display: none; }
.replaychart-live .chart { overflow-x: auto; position: relative; }
.replaychart-live button { font: inherit; padding: 2px 12px; cursor: pointer; }
.replaychart-live input.rate { font: inherit; width: 7em; }
.replaychart-live .status { opacity: .7; }
.replaychart-live .vega-bindings { display: flex; flex-wrap: wrap; gap: 4px 16px; }
`;
const make = (tag, properties) => Object.assign(document.createElement(tag), properties);

function render({model, el}) {
  const root = make("div", {className: "replaychart-live"});
  const chart = make("div", {className: "chart"}), steering = make("div", {className: "steering"});
  const pause = make("button", {type: "button"}), stop = make("button", {type: "button", textContent: "Stop"});
  const rate = make("input", {className: "rate", type: "number", min: 0, step: "any"});
  const label = make("label", {textContent: "Learning rate "}), status = make("span", {className: "status"});
  label.append(rate);
  steering.append(pause, stop, label, status);
  root.append(make("style", {textContent: STYLE}), chart, steering);
  el.append(root);

  const set = (name, value) => { model.set(name, value); model.save_changes(); };
  // While a chart plays, its epoch is passed on a few times a second.
  let passing = null;
  const listener = {
    playing: (value) => { if (model.get("playing") !== value) set("playing", value); },
    samples: (text) => {
      const numbers = (text.match(/\d+/g) || []).map(Number);
      if (numbers.join() !== model.get("selection").join()) set("selection", numbers);
    },
    epoch: (value) => {
      clearTimeout(passing);
      passing = setTimeout(() => { if (model.get("epoch") !== value && model.get("state") !== "training") set("epoch", value); }, 100);
    },
  };
  const view = new LiveView(chart, listener);
  let whole = null, decoded = null;
  const draw = () => {
    const bytes = model.get("_whole");
    if (bytes !== decoded) [decoded, whole] = [bytes, read(bytes)];
    if (whole) view.show(whole, read(model.get("_changes"))).catch(console.error);
  };
  const describe = () => {
    const state = model.get("state"), trains = ["training", "waiting"].includes(state);
    pause.hidden = stop.hidden = label.hidden = !trains;
    pause.textContent = model.get("paused") ? "Resume" : "Pause";
    stop.disabled = model.get("stopped");
    const value = model.get("learning_rate");
    rate.disabled = value === null;
    if (document.activeElement !== rate) rate.value = value === null ? "" : Number(value.toPrecision(6));
    status.textContent = model.get("status");
    steering.hidden = !trains && !model.get("status");
  };
  pause.addEventListener("click", () => set("paused", !model.get("paused")));
  stop.addEventListener("click", () => set("stopped", true));
  rate.addEventListener("change", () => { if (rate.value > 0) set("learning_rate", +rate.value); });
  model.on("change:_whole change:_changes", draw);
  model.on("change:state change:paused change:stopped change:learning_rate change:status", describe);
  model.on("change:epoch", () => view.setEpoch(model.get("epoch")));
  model.on("change:playing", () => view.setPlaying(model.get("playing")));
  const select = () => {
    const wanted = model.get("selection");
    if ((view.samples.match(/\d+/g) || []).map(Number).join() !== wanted.join()) view.setSamples(wanted.join(" "));
  };
  model.on("change:selection", select);
  select();
  describe();
  draw();
  return () => { clearTimeout(passing); view.close(); };
}

export default {render};
