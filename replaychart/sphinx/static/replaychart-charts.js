// Draws each chart of a page when it comes near the window, fits it to the page, pauses it while it is
// out of sight, and follows the page from light to dark and links to epochs.
"use strict";

window.replaychartCharts = (() => {
  const packed = new Map();
  const scripts = new Map();
  const reduced = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  const { isDark, darkened, watch } = replaychartBackground;
  // In narrower boxes, parts that are side by side are stacked.
  const STACKED_BELOW = 560;
  // What a chart keeps when it is drawn anew.
  const KEPT = ["snapshot", "epoch", "playing", "speed", "tour", "touring"];
  // What moves by itself: the epoch, and the view of a tour.
  const MOVING = ["playing", "touring"];

  /** Called by the script of each chart. */
  function receive(name, spec, darkConfig) {
    packed.set(name, { spec, darkConfig });
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

  /** Returns a spec, which is gzip in base64. */
  async function unpacked(text) {
    const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    const spec = await new Response(stream).json();
    replaychartRows.restore(spec);
    return spec;
  }

  async function draw(figure) {
    const { chart, script, library } = figure.dataset;
    await Promise.all([load(library), load(script)]);
    const one = packed.get(chart);
    figure.spec = await unpacked(one.spec);
    figure.darkConfig = one.darkConfig;
    const live = figure.querySelector(".replaychart-live");
    live.setAttribute("role", "group");
    live.setAttribute("aria-label", figure.querySelector("img").alt);
    await embed(figure);
    if (reduced) setMoving(figure, MOVING, false);
    goToLinked(figure);
    seen.observe(figure);
  }

  function linkedEpoch() {
    const linked = /[#&]epoch=([\d.]+)$/.exec(location.hash);
    return linked && Number(linked[1]);
  }

  /** Shows the epoch of a link that ends in #epoch=15, or the last one before it. */
  function goToLinked(figure) {
    const linked = linkedEpoch();
    if (linked === null || !figure.view) return;
    const named = Object.fromEntries((figure.spec.params || []).map((one) => [one.name, one]));
    const moved = ["snapshot", "epoch"].find((name) => named[name]?.bind?.max !== undefined);
    if (!moved) return;
    const { min, max, step = 1 } = named[moved].bind;
    const stops = moved === "snapshot" ? JSON.parse(named.epoch.expr.replace(/\[snapshot\]$/, "")) : null;
    const place = stops ? stops.findLastIndex((stop) => stop <= linked) : linked - ((linked - min) % step);
    setMoving(figure, ["playing"], false);
    figure.paused = figure.paused?.filter((name) => name !== "playing");
    figure.view.signal(moved, Math.min(max, Math.max(min, place))).runAsync();
  }

  function goToLinkedFrom(figures) {
    if (linkedEpoch() === null) return;
    figures[0].scrollIntoView({ block: "nearest" });
    figures.forEach(goToLinked);
  }

  async function embed(figure) {
    const night = figure.classList.contains("dark"), narrow = isNarrow(figure), { spec, darkConfig } = figure;
    Object.assign(figure, { drawnDark: night, drawnNarrow: narrow });
    const laidOut = narrow ? replaychartFitting.stacked(spec) : spec;
    const drawn = night ? { ...laidOut, config: darkened(spec.config || {}, darkConfig) } : laidOut;
    const names = (spec.params || []).map((parameter) => parameter.name);
    const kept = figure.view && KEPT.filter((name) => names.includes(name))
      .map((name) => [name, figure.view.signal(name)]);
    const live = figure.querySelector(".replaychart-live");
    live.style.minHeight = `${live.offsetHeight}px`; // the page stays where it is
    figure.finalize?.();
    const { view, finalize } = await window.vegaEmbed(live, drawn, {
      renderer: "canvas",
      ...spec.usermeta?.embedOptions,
      mode: "vega-lite",
      actions: { export: true, source: false, compiled: false, editor: false },
    });
    Object.assign(figure, { view, finalize });
    figure.classList.add("drawn");
    live.style.minHeight = "";
    for (const [name, value] of kept || []) {
      try { view.signal(name, value); } catch { /* computed from others */ }
    }
    await view.runAsync();
    fit(figure);
    // The theme may have been switched meanwhile.
    if (figure.classList.contains("dark") !== night) await embed(figure);
  }

  function isNarrow(figure) {
    return figure.parentElement.clientWidth < STACKED_BELOW;
  }

  /** Makes a chart that is wider than its box smaller. */
  function fit(figure) {
    const box = figure.querySelector(".replaychart-box"), canvas = figure.querySelector(".chart-wrapper > *");
    if (!canvas || figure.spec.width === "container") return;
    const { paddingLeft, paddingRight } = getComputedStyle(box);
    const room = figure.parentElement.clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight) - 2;
    const { offsetWidth, offsetHeight } = canvas, factor = Math.min(1, room / offsetWidth);
    replaychartFitting.scale(canvas, factor);
    // A scaled element takes as much room as before.
    const spare = (size) => factor < 1 ? `${(factor - 1) * size}px` : "";
    Object.assign(canvas.style, { marginRight: spare(offsetWidth), marginBottom: spare(offsetHeight) });
  }

  /** Starts or stops what moves by itself, and returns the names of what that changed. */
  function setMoving(figure, names, value) {
    const present = figure.view.getState({ signals: (name) => names.includes(name) }).signals;
    const changed = names.filter((name) => name in present && figure.view.signal(name) !== value);
    for (const name of changed) figure.view.signal(name, value);
    if (changed.length) figure.view.runAsync();
    return changed;
  }

  /** Draws a chart anew if it was drawn for the other theme or another width, and is seen. */
  function follow(figure) {
    if (!figure.inSight) return;
    if (figure.drawnDark === figure.classList.contains("dark") && figure.drawnNarrow === isNarrow(figure)) {
      fit(figure);
    } else {
      embed(figure).catch((error) => console.error(error));
    }
  }

  const near = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      draw(target).catch((error) => console.error(error));
    }
  }, { rootMargin: "300px" });

  const seen = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      target.inSight = isIntersecting;
      if (isIntersecting) follow(target);
      if (isIntersecting && target.paused) {
        setMoving(target, target.paused, true);
        target.paused = null;
      } else if (!isIntersecting) {
        target.paused = [...(target.paused || []), ...setMoving(target, MOVING, false)];
      }
    }
  });

  function look() {
    for (const figure of document.querySelectorAll("figure.replaychart.follows")) {
      figure.classList.toggle("dark", isDark(figure));
      follow(figure);
    }
  }

  document.addEventListener("DOMContentLoaded", () => {
    const figures = document.querySelectorAll("figure.replaychart");
    if (!figures.length) return;
    look();
    for (const figure of figures) near.observe(figure);
    watch(look);
    window.addEventListener("resize", () => figures.forEach(follow));
    window.addEventListener("hashchange", () => goToLinkedFrom(figures));
    // A link that is followed again changes no hash.
    document.addEventListener("click", ({ target }) => {
      if (target.closest("a")?.href === location.href) goToLinkedFrom(figures);
    });
  });

  return { receive };
})();
