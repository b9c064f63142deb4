"use strict";
// What lies over a map: the search box, the buttons, the legend, and the card of a word.

const numbers = new Intl.NumberFormat("en");

function searchBox(map) {
  const box = make("input", {
    type: "search", placeholder: "Find a word", "aria-label": "Find a word",
    autocomplete: "off", autocapitalize: "off", spellcheck: "false",
  });
  const status = make("div", { class: "map-status", role: "status" });
  let found = [], at = 0;
  const show = () => {
    if (found.length === 0) return;
    status.replaceChildren(`${numbers.format(at + 1)} of ${numbers.format(found.length)}`);
    if (found.length > 1) status.append(make("span", { class: "map-hint" }, " · Enter: the next"));
    map.find(found[at]);
  };
  const look = () => {
    const text = box.value.trim();
    found = map.search.matches(text);
    at = 0;
    status.replaceChildren();
    if (text === "") map.choose(-1);
    else if (found.length > 0) show();
    else status.append(...unknown(text));
  };
  const unknown = (text) => {
    map.choose(-1);
    const close = map.search.close(text);
    const buttons = close.map((i) => make("button", {
      type: "button", class: "map-word", onclick: () => { box.value = map.words[i]; look(); },
    }, bidi(map.shown(i))));
    const last = make("span", { class: "map-last" }, buttons.pop() ?? "", "?");
    const cure = close.length ? ["Did you mean ", ...between([...buttons, last])] : [];
    return [`“${text}” is not on this map. `, ...cure];
  };
  let waiting = 0, searched = "";
  const now = () => { clearTimeout(waiting); searched = box.value; look(); };
  box.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(now, 120);
  });
  box.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { box.value = ""; now(); }
    if (event.key !== "Enter" || event.isComposing) return;
    event.preventDefault();
    if (box.value !== searched) return now();
    if (found.length === 0) return;
    at = (at + (event.shiftKey ? found.length - 1 : 1)) % found.length;
    show();
  });
  return { box, element: make("div", { class: "map-search" }, box, status) };
}

function zoomButtons(map) {
  const button = (sign, name, act) =>
    make("button", { type: "button", "aria-label": name, title: name, onclick: act }, sign);
  return make("div", { class: "map-buttons", role: "group", "aria-label": "Zoom" },
    button("+", "Nearer", () => map.flyBy(1.8)),
    button("−", "Farther", () => map.flyBy(1 / 1.8)),
    button("⤢", "The whole map", () => map.showAll()));
}

// How often words occur, or the labels that they have; a label that is pressed stands out.
function legend(map) {
  if (map.groupNames === null) return frequencyLegend(map);
  const rows = map.groupNames.slice(0, GROUPS).map((name, group) => row(map, name, group));
  const rest = map.groupNames.length - GROUPS;
  if (rest > 0) rows.push(row(map, `${numbers.format(rest)} more`, GROUPS));
  if (map.groups.includes(NO_LABEL)) rows.push(row(map, "no label", NO_LABEL));
  return make("div", { class: "map-legend", role: "group", "aria-label": "Labels" }, ...rows);
}

function row(map, name, group) {
  const spot = make("i", { class: `map-spot group-${group < GROUPS ? group : "none"}` });
  const button = make("button", { type: "button", "aria-pressed": "false" }, spot, bidi(name));
  button.addEventListener("click", () => {
    const pressed = button.getAttribute("aria-pressed") === "true";
    for (const one of button.parentElement.children) one.setAttribute("aria-pressed", "false");
    button.setAttribute("aria-pressed", String(!pressed));
    map.standOut(pressed ? null : group);
  });
  return button;
}

function frequencyLegend(map) {
  const known = map.counts === null ? [] : [...map.counts].filter((count) => count >= 0);
  const counted = known.length > 0;
  const least = known.reduce((a, b) => Math.min(a, b), Infinity);
  const most = known.reduce((a, b) => Math.max(a, b), -Infinity);
  const ends = counted ? [numbers.format(least), numbers.format(most)] : ["last", "first"];
  return make("div", { class: "map-legend" },
    make("div", { class: "quiet" }, counted ? "How often a word occurs" : "Place in the vocabulary"),
    make("div", { class: "map-scale" }),
    make("div", { class: "map-ends" }, make("span", {}, ends[0]), make("span", {}, ends[1])));
}

// A word, what is known of it, and its neighbours, each a button that leads to it.
function fillCard(card, map, i, chosen) {
  const about = [];
  if (map.counts !== null && map.counts[i] >= 0) {
    about.push(`${numbers.format(map.counts[i])} times`);
  }
  if (map.groupNames !== null && map.groups[i] !== NO_LABEL) about.push(map.groupNames[map.groups[i]]);
  const close = make("button", {
    type: "button", class: "map-close", "aria-label": "Close", onclick: () => map.choose(-1),
  }, "×");
  const rows = map.neighboursOf(i).map(([other, cosine]) => {
    const bar = make("span", { class: "map-bar" });
    bar.style.width = `${Math.max(cosine, 0) * 100}%`;
    return make("li", {}, make("button", {
      type: "button", onclick: () => map.find(other),
    }, bidi(map.shown(other)), make("span", { class: "map-cosine" }, cosine.toFixed(2)), bar));
  });
  const list = rows.length === 0 ? [] : [
    make("div", { class: "quiet" }, "Nearest on this map, by cosine"), make("ol", {}, ...rows),
  ];
  card.replaceChildren(
    make("h3", {}, bidi(map.shown(i))),
    make("div", { class: "quiet" }, about.join(" · ")), ...(chosen ? [close] : []), ...list);
  card.hidden = false;
}

// A text whose letters run as they do, whatever stands around it.
function bidi(text) {
  return make("bdi", {}, text);
}

function between(parts) {
  return parts.flatMap((part, i) => (i === 0 ? [part] : [i === parts.length - 1 ? " or " : ", ", part]));
}
