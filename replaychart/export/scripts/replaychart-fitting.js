// Fits charts to narrow windows: parts that are side by side are stacked, curves that are much wider
// than high are narrowed, and what is still too wide is scaled.
"use strict";

window.replaychartFitting = (() => {
  // On a narrow screen, what is side by side is stacked. A line of text that is wider than all other
  // views, such as a heading, is folded: its right half goes below the left one.
  const PARTS = ["hconcat", "vconcat", "concat"];
  const views = (part) => PARTS.flatMap((kind) => (part[kind] || []).flatMap((one) =>
    PARTS.some((inner) => one[inner]) ? views(one) : [one]));
  const isLine = (one) => one.layer && one.height <= 60 && one.layer.every((layer) =>
    "value" in (layer.encoding?.x || {}) && "value" in (layer.encoding?.y || {}));
  const folded = (line, width) => {
    const middle = line.width / 2, shift = line.width - width;
    const position = (encoding, name, by, x) => {
      const value = encoding[name]?.value;
      if (value === undefined) return {};
      if (typeof value === "number") return {[name]: {value: x.value >= middle ? value + by : value}};
      const at = x.expr || String(x.value);
      return {[name]: {value: {expr: `(${value.expr}) + ((${at}) >= ${middle} ? ${by} : 0)`}}};
    };
    const layer = line.layer.map((one) => {
      const {encoding} = one, x = {value: encoding.x.value, expr: encoding.x.value.expr};
      return {...one, encoding: {...encoding,
        ...position(encoding, "x", -shift, x), ...position(encoding, "x2", -shift, x),
        ...position(encoding, "y", line.height, x), ...position(encoding, "y2", line.height, x)}};
    });
    return {...line, layer, width, height: 2 * line.height};
  };
  // A view that is much wider than high, such as a curve, is narrowed, so that it does not make its
  // texts and the other views small. It must have an x-axis, whose labels make room for each other, and
  // be drawn from data alone: what is at a certain pixel would not move along. In pixels: the new width,
  // and from which width on.
  const NARROW = 360, WIDE = 480, LANDSCAPE = 1.4;
  const moves = ({value = 0}) => value === 0 || value === "width" || value?.expr === "width";
  const canBeNarrowed = (one) => one.layer ? one.layer.every(canBeNarrowed)
    : ["x", "x2", "xOffset"].every((name) => moves(one.encoding?.[name] || {}) && !(name in Object(one.mark)));
  const hasAxis = (one) => one.layer ? one.layer.some(hasAxis)
    : "field" in (one.encoding?.x || {}) && one.encoding.x.axis !== null;
  const isWide = (one) => one.width > Math.max(WIDE, LANDSCAPE * one.height)
    && hasAxis(one) && canBeNarrowed(one);
  const stacked = (whole) => {
    // The caption of a story is wider than a phone; there, it is a part of the page.
    const isCaption = (one) => whole.datasets?.[one.data?.name]?.[0]?.story_from !== undefined;
    const drawn = views(whole).filter((one) => !isLine(one) && !isCaption(one));
    const others = Math.max(...drawn.filter((one) => !isWide(one)).map((one) => one.width || 0), 0);
    const narrowed = (one) => isWide(one) ? {...one, width: Math.max(others, NARROW)} : one;
    const widest = Math.max(...drawn.map((one) => narrowed(one).width || 0), 0);
    const stack = (part) => {
      if (isLine(part)) return part.width > widest && widest ? folded(part, widest) : part;
      const copy = {...narrowed(part)};
      for (const kind of PARTS) {
        if (part[kind]) copy[kind] = part[kind].filter((one) => !isCaption(one)).map(stack);
      }
      if (copy.concat) copy.columns = 1;
      if (copy.hconcat) {
        copy.vconcat = copy.hconcat;
        for (const own of ["hconcat", "bounds", "spacing", "align", "center"]) delete copy[own];
      }
      return copy;
    };
    return stack(whole);
  };

  // The scale of each element that is smaller than its chart.
  const scales = new Map();
  let held = null;

  const scale = (element, factor) => {
    element.style.transformOrigin = "0 0";
    element.style.transform = factor < 1 ? `scale(${factor})` : "";
    if (factor < 1) scales.set(element, factor); else scales.delete(element);
  };

  // Vega does not know that a chart is scaled, so positions are given to it as if it were not; also
  // those of a pointer that was pressed in the chart and has left it.
  const unscaled = (event) => {
    const inside = [...scales.keys()].find((element) => element.contains(event.target));
    if (event.type === "pointerdown") held = inside;
    const element = inside || (event.buttons || event.type.endsWith("up") ? held : null);
    const factor = scales.get(element);
    if (!factor) return;
    const {left, top} = element.getBoundingClientRect();
    event.inWindow = [event.clientX, event.clientY];
    const x = left + (event.clientX - left) / factor, y = top + (event.clientY - top) / factor;
    Object.defineProperties(event, {clientX: {value: x}, clientY: {value: y}});
  };
  for (const kind of ["pointerdown", "pointermove", "pointerup", "mousedown", "mousemove", "mouseup", "click",
    "dblclick", "pointerover", "pointerout", "mouseover", "mouseout", "wheel"]) {
    addEventListener(kind, unscaled, true);
  }

  // Vega puts a tooltip where the pointer would be; it belongs beside the pointer.
  const besidePointer = (event) => {
    const tooltip = document.getElementById("vg-tooltip-element");
    if (!event.inWindow || !tooltip) return;
    const {width, height} = tooltip.getBoundingClientRect(), [x, y] = event.inWindow;
    tooltip.style.left = `${x + 10 + width > innerWidth ? x - 10 - width : x + 10}px`;
    tooltip.style.top = `${y + 10 + height > innerHeight ? y - 10 - height : y + 10}px`;
  };
  for (const kind of ["pointermove", "pointerover", "mousemove", "mouseover"]) addEventListener(kind, besidePointer);

  return {stacked, scale};
})();
