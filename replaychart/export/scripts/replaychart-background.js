// Whether charts are in a dark page, and their colors there. Used in saved pages, in sites and in live views.

const replaychartBackground = (() => {
  const preference = window.matchMedia("(prefers-color-scheme: dark)");
  const pixel = document.createElement("canvas").getContext("2d", { willReadFrequently: true });

  /** Returns red, green, blue and alpha of a color, in whichever way it is written. */
  function channels(color) {
    pixel.clearRect(0, 0, 1, 1);
    pixel.fillStyle = color;
    pixel.fillRect(0, 0, 1, 1);
    return pixel.getImageData(0, 0, 1, 1).data;
  }

  /** Whether the page behind an element is dark. Themes differ in how they say so, so this looks. */
  function isDark(element) {
    for (let at = element.parentElement; at; at = at.parentElement ?? at.getRootNode().host) {
      const [red, green, blue, alpha] = channels(getComputedStyle(at).backgroundColor);
      if (alpha > 127) return 0.2126 * red + 0.7152 * green + 0.0722 * blue < 128;
    }
    const scheme = getComputedStyle(document.documentElement).colorScheme;
    return scheme.includes("dark") && (preference.matches || !scheme.includes("light"));
  }

  /** Returns the configuration of a chart with that for dark pages, which replaces a part of it. */
  function darkened(config, dark) {
    const keys = new Set([...Object.keys(config), ...Object.keys(dark)]);
    return Object.fromEntries([...keys].map((key) => {
      const own = config[key], other = dark[key];
      return [key, other && typeof other === "object" ? { ...own, ...other } : other ?? own];
    }));
  }

  /** Calls a function when the page may have become light or dark. Returns what ends that. */
  function watch(act) {
    // Colors may fade into each other, so it is called once more when they have.
    const actTwice = () => { act(); setTimeout(act, 500); };
    const switched = new MutationObserver(actTwice);
    for (const element of [document.documentElement, document.body]) {
      switched.observe(element, { attributes: true });
    }
    preference.addEventListener("change", actTwice);
    return () => {
      switched.disconnect();
      preference.removeEventListener("change", actTwice);
    };
  }

  return { isDark, darkened, watch };
})();
