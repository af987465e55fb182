(async () => {
  "use strict";
  const byId = (id) => document.getElementById(id);
  if (!("DecompressionStream" in window)) {
    throw new Error("This chart needs a newer browser: Chrome or Edge 80, Safari 16.4, Firefox 113, or later.");
  }

  // The libraries and the spec are gzip in base64.
  const unpacked = (id) => {
    const text = atob(byId(id).textContent), bytes = new Uint8Array(text.length);
    for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip")));
  };
  const [libraries, spec] = await Promise.all([unpacked("libraries").text(), unpacked("spec").json()]);
  new Function(libraries)();
  replaychartRows.restore(spec);
  const steps = JSON.parse(byId("steps").textContent);
  const darkConfig = JSON.parse(byId("dark").textContent);
  const scheme = document.documentElement.dataset.scheme;
  const parameters = Object.fromEntries((spec.params || []).map((one) => [one.name, one]));
  // The player's parameters, for which the page has its own controls.
  const OWN = ["epoch", "snapshot", "playing", "speed", "loop"];
  const isSlider = (name) => parameters[name]?.bind?.input === "range";
  const moved = ["snapshot", "epoch"].find(isSlider);
  const plays = "playing" in parameters;
  // What a chart keeps when it is drawn again.
  const KEPT = [moved, "playing", "speed", "tour", "touring"].filter((name) => name in parameters);
  // For readers who prefer less motion, nothing moves until they start it.
  const STILL = matchMedia("(prefers-reduced-motion: reduce)").matches
    ? {playing: false, touring: false} : {};
  const filling = spec.width === "container";
  // The epochs of a slider whose positions are not the epochs themselves.
  const stops = moved === "snapshot" ? JSON.parse(parameters.epoch.expr.replace(/\[snapshot\]$/, "")) : null;
  const STACKED_BELOW = 640;
  // From this width on, the steps of a story are beside the chart; the room for them, with the gap.
  const BESIDE_FROM = 1000, ROOM_FOR_STEPS = 304;
  // The frame that shows the page in a notebook, if its height follows that of the chart.
  const outer = window.frameElement?.hasAttribute("data-replaychart") ? window.frameElement : null;
  // To be seen whole, a chart is made at most this much smaller; then the page scrolls.
  const SMALLEST = 0.8;
  const ICONS = {
    play: "M4 2l10 6-10 6z", pause: "M3 2h4v12H3zM9 2h4v12H9z",
    back: "M3 2h2v12H3zM13 2v12L6 8z", forward: "M11 2h2v12h-2zM3 2l7 6-7 6z",
  };
  let view = null, embedded = null, stacked = null, dark = null;

  const icon = (name) => `<svg viewBox="0 0 16 16" aria-hidden="true"><path d="${ICONS[name]}"/></svg>`;
  const set = (name, value) => view.signal(name, value).runAsync();
  const bounds = () => ({min: +parameters[moved].bind.min, max: +parameters[moved].bind.max,
    step: +(parameters[moved].bind.step || 1)});

  const step = (direction) => {
    const {min, max, step: by} = bounds();
    if (plays) view.signal("playing", false);
    set(moved, Math.min(max, Math.max(min, view.signal(moved) + direction * by)));
  };

  const showEpoch = () => {
    const last = stops ? stops[stops.length - 1] : bounds().max;
    byId("slider").value = view.signal(moved);
    byId("epoch").replaceChildren(String(view.signal("epoch")), Object.assign(
      document.createElement("small"), {textContent: ` / ${last}`}));
  };

  // The step of the story that is shown is marked, and scrolled into the list's view.
  const showStep = () => {
    const list = byId("story"), at = view.signal(moved);
    const current = steps.findLastIndex((one) => one.setting <= at);
    [...list.children].forEach((item, i) => {
      const button = item.firstChild;
      byId("captions").children[i].classList.toggle("current", i === current);
      if (i !== current) return void button.removeAttribute("aria-current");
      if (button.hasAttribute("aria-current")) return;
      button.setAttribute("aria-current", "step");
      const {offsetTop: top, offsetHeight: height} = item;
      list.scrollTop = Math.min(top, Math.max(list.scrollTop, top + height - list.clientHeight));
    });
  };

  const showPlaying = () => {
    const playing = view.signal("playing");
    byId("play").innerHTML = icon(playing ? "pause" : "play");
    byId("play").setAttribute("aria-label", playing ? "Pause" : "Play");
  };

  const connect = () => {
    document.querySelectorAll("#inputs .vega-bind").forEach((one) => {
      const input = one.querySelector("input, select");
      if (moved && OWN.includes(input?.name)) one.classList.add("in-player");
    });
    if (!moved) return;
    view.addSignalListener(moved, showEpoch);
    if (moved !== "epoch") view.addSignalListener("epoch", showEpoch);
    showEpoch();
    if (steps.length) {
      view.addSignalListener(moved, showStep);
      showStep();
    }
    if (!plays) return;
    view.addSignalListener("playing", showPlaying);
    view.addSignalListener("speed", (_, value) => { byId("speed").querySelector("select").value = value; });
    showPlaying();
  };

  const prepare = () => {
    if (!moved) return;
    byId("player").hidden = false;
    const slider = Object.assign(byId("slider"), bounds());
    slider.addEventListener("input", () => {
      if (plays) view.signal("playing", false);
      set(moved, +slider.value);
    });
    byId("back").innerHTML = icon("back");
    byId("forward").innerHTML = icon("forward");
    byId("back").addEventListener("click", () => step(-1));
    byId("forward").addEventListener("click", () => step(1));
    for (const {epoch, setting, text} of steps) {
      const button = Object.assign(document.createElement("button"), {type: "button"});
      button.append(Object.assign(document.createElement("small"), {textContent: `Epoch ${epoch}`}), text);
      button.addEventListener("click", () => {
        if (plays) view.signal("playing", false);
        set(moved, setting);
      });
      byId("story").appendChild(document.createElement("li")).append(button);
      byId("captions").append(Object.assign(document.createElement("p"), {textContent: text}));
    }
    byId("story").hidden = !steps.length;
    byId("play").hidden = byId("speed").hidden = byId("keys").hidden = !plays;
    if (!plays) return;
    byId("play").addEventListener("click", () => set("playing", !view.signal("playing")));
    const select = byId("speed").querySelector("select");
    for (const speed of parameters.speed?.bind?.options || [1]) {
      const label = {0.25: "\u00bc", 0.5: "\u00bd"}[speed] || String(speed);
      select.add(new Option(`${label}\u00d7`, speed, speed === 1, speed === 1));
    }
    select.addEventListener("change", () => set("speed", +select.value));
    // Keys act on the chart under the pointer, or the one last clicked; on this page there is only one.
    document.addEventListener("keydown", (event) => {
      const inText = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName) && event.target.type !== "range";
      const known = [" ", "ArrowLeft", "ArrowRight", "Home", "End"].includes(event.key);
      const onStep = event.key === " " && event.target.closest("#story");
      if (inText || onStep || !known || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      if (event.key === " ") return void set("playing", !view.signal("playing"));
      const {min, max} = bounds();
      const to = {Home: min, End: max}[event.key];
      if (to === undefined) return step((event.key === "ArrowLeft" ? -1 : 1) * (event.shiftKey ? 10 : 1));
      view.signal("playing", false);
      set(moved, to);
    }, true);
  };

  // A link that ends in #epoch=15 moves the chart.
  const goToLinked = () => {
    const linked = /[#&]epoch=([\d.]+)/.exec(location.hash);
    if (!linked || !moved || !view) return;
    const {min, max} = bounds(), epoch = Number(linked[1]);
    if (plays) view.signal("playing", false);
    set(moved, Math.min(max, Math.max(min, stops ? stops.findLastIndex((stop) => stop <= epoch) : epoch)));
  };

  const fit = () => {
    const beside = steps.length > 0 && innerWidth >= BESIDE_FROM;
    document.documentElement.classList.toggle("beside", beside);
    if (!filling) shrink();
    byId("story").style.maxHeight = beside ? `${Math.max(byId("frame").offsetHeight, 200)}px` : "";
    if (outer) outer.style.height = `${document.querySelector("main").offsetHeight}px`;
  };

  const shrink = () => {
    const chart = byId("chart"), frame = byId("frame");
    const width = chart.offsetWidth, height = chart.offsetHeight;
    const main = document.querySelector("main"), {paddingLeft, paddingTop} = getComputedStyle(main);
    const beside = document.documentElement.classList.contains("beside") ? ROOM_FOR_STEPS : 0;
    const room = main.clientWidth - 2 * parseFloat(paddingLeft) - beside;
    const above = 2 * parseFloat(paddingTop) + byId("player").offsetHeight + byId("inputs").offsetHeight;
    const high = stacked || outer ? Infinity : innerHeight - above;
    const scale = Math.min(1, room / width, Math.max(SMALLEST, high / height));
    replaychartFitting.scale(chart, scale);
    frame.style.width = `${width * scale}px`;
    frame.style.height = `${height * scale}px`;
    byId("player").style.maxWidth = `${Math.max(width * scale, Math.min(room, 320)) + beside}px`;
  };

  const draw = async () => {
    const narrow = innerWidth < STACKED_BELOW, night = scheme === "dark"
      || (scheme === "auto" && darkConfig !== null && matchMedia("(prefers-color-scheme: dark)").matches);
    if (view && narrow === stacked && night === dark) return fit();
    const kept = view ? Object.fromEntries(KEPT.map((name) => [name, view.signal(name)])) : STILL;
    stacked = narrow; dark = night;
    byId("captions").hidden = !narrow || !steps.length;
    document.documentElement.classList.toggle("dark", night);
    embedded?.finalize();
    const drawn = narrow ? replaychartFitting.stacked(spec) : spec;
    const options = {renderer: "canvas", ...spec.usermeta?.embedOptions, mode: "vega-lite", bind: "#inputs",
      actions: {export: true, source: false, compiled: false, editor: false}};
    byId("inputs").replaceChildren();
    const shown = night && darkConfig
      ? {...drawn, config: replaychartBackground.darkened(drawn.config || {}, darkConfig)} : drawn;
    embedded = await vegaEmbed("#chart", shown, options);
    view = window.view = embedded.view;
    for (const name of KEPT) if (name in kept) view.signal(name, kept[name]);
    await view.runAsync();
    connect();
    fit();
  };

  byId("chart").classList.toggle("filling", filling);
  byId("frame").classList.toggle("filling", filling);
  prepare();
  await draw();
  goToLinked();
  addEventListener("hashchange", goToLinked);
  addEventListener("resize", draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
})().catch((error) => { document.getElementById("chart").textContent = String(error); });
