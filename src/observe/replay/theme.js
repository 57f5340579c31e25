// What a page that draws has in common: making elements, and the colours of its style sheet.
"use strict";
(function (L) {
  /** Makes an element. Strings become text, never HTML. */
  L.make = function (tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (value !== false) element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...children);
    return element;
  };

  /** Whether an element is shown dark: as it was asked to be, or as the system prefers. */
  L.isDark = function (root) {
    const asked = root.dataset.theme;
    return asked ? asked === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  };

  /** The colours and fonts that the style sheet gives an element. */
  L.readTheme = function (root) {
    const style = getComputedStyle(root);
    const value = (name) => style.getPropertyValue(`--lr-${name}`).trim();
    const queues = [0, 1, 2, 3, 4, 5, 6].map((q) => value(`queue-${q}`));
    const names = ["text", "quiet", "soft", "line", "lane", "ground", "ink", "cursor", "parked"];
    const theme = Object.fromEntries(names.map((name) => [name, value(name)]));
    theme.queue = (q) => queues[Math.max(0, q) % queues.length];
    // How often the colours have been used up before this queue.
    theme.round = (q) => Math.floor(Math.max(0, q) / queues.length);
    const family = style.fontFamily;
    theme.font = (size, weight = "400") => `${weight} ${size}px ${family}`;
    return theme;
  };
})(globalThis.LanewayReplay);
