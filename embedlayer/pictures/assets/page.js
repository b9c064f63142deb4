"use strict";
// What the page holds: JSON, in which arrays of numbers are {dtype, base64} and become typed arrays.

const TYPED = {
  uint8: Uint8Array, int16: Int16Array, uint16: Uint16Array, int32: Int32Array,
  uint32: Uint32Array, float32: Float32Array, float64: Float64Array,
};

function decoded(value) {
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) {
    return typeof value[0] === "object" ? value.map(decoded) : value;
  }
  if (typeof value.base64 === "string" && value.dtype in TYPED) {
    const bytes = Uint8Array.from(atob(value.base64), (letter) => letter.charCodeAt(0));
    return new TYPED[value.dtype](bytes.buffer);
  }
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, decoded(one)]));
}

const pageData = decoded(JSON.parse(document.getElementById("page-data").textContent));

// An element: make("p", { class: "note" }, "text", child). A text is never read as HTML.
function make(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

// The colour that a variable of page.css has now, light or dark.
function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

// Calls a function when the reader's system turns dark or light.
function whenSchemeChanges(redraw) {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
}
