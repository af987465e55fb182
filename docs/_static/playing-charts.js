// Draws each chart of a page when it comes near the window, and pauses it while it is out of sight.
"use strict";

window.playingCharts = (() => {
  const specs = new Map();
  const scripts = new Map();
  const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;

  /** Called by the script of each chart. */
  function receive(name, spec) {
    specs.set(name, spec);
  }

  /** Loads a script once, however many charts ask for it. */
  function load(source) {
    if (!scripts.has(source)) {
      scripts.set(source, new Promise((resolve, reject) => {
        const script = document.createElement("script");
        script.src = source;
        script.onload = resolve;
        script.onerror = () => reject(new Error(`${source} could not be loaded`));
        document.head.append(script);
      }));
    }
    return scripts.get(source);
  }

  async function draw(figure) {
    const { name, script, library } = figure.dataset;
    await Promise.all([load(library), load(script)]);
    const live = figure.querySelector(".playing-chart-live");
    live.setAttribute("role", "group");
    live.setAttribute("aria-label", figure.querySelector("img").alt);
    const { view } = await window.vegaEmbed(
      live,
      specs.get(name),
      {
        mode: "vega-lite",
        renderer: "canvas",
        actions: { export: true, source: false, compiled: false, editor: false },
      },
    );
    figure.view = view;
    figure.classList.add("drawn");
    if (still) setPlaying(figure, false);
    pausing.observe(figure);
  }

  function setPlaying(figure, value) {
    const plays = "playing" in figure.view.getState({ signals: (name) => name === "playing" }).signals;
    if (!plays || figure.view.signal("playing") === value) return false;
    figure.view.signal("playing", value).runAsync();
    return true;
  }

  const drawing = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      drawing.unobserve(target);
      draw(target).catch((error) => console.error(error));
    }
  }, { rootMargin: "300px" });

  const pausing = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (isIntersecting && target.paused) {
        target.paused = false;
        setPlaying(target, true);
      } else if (!isIntersecting) {
        target.paused = setPlaying(target, false) || target.paused;
      }
    }
  });

  document.addEventListener("DOMContentLoaded", () => {
    for (const figure of document.querySelectorAll("figure.playing-chart")) drawing.observe(figure);
  });

  return { receive };
})();
