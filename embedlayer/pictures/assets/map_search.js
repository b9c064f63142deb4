"use strict";
// Words that a reader means: those that match what is typed, and those that are spelt nearly so.

const MOST_CLOSE = 3;

class Search {
  constructor(words) {
    this.words = words;
    this.folded = words.map(folded);
  }

  // Numbers of words: the word itself, then those that begin so, then those that hold it.
  matches(text) {
    const wanted = folded(text);
    if (wanted === "") return [];
    const same = [], beginning = [], holding = [];
    for (let i = 0; i < this.words.length; i++) {
      const place = this.folded[i].indexOf(wanted);
      if (place < 0) continue;
      if (this.words[i] === text) same.unshift(i);
      else if (this.folded[i] === wanted) same.push(i);
      else (place === 0 ? beginning : holding).push(i);
    }
    return [...same, ...beginning, ...holding];
  }

  // Numbers of the few words whose spelling is nearest, if any is near.
  close(text) {
    const wanted = letters(text);
    let most = wanted.length <= 4 ? 1 : 2;
    const found = [];
    for (let i = 0; i < this.words.length; i++) {
      if (Math.abs(this.folded[i].length - text.length) > 2) continue;
      const far = distance(letters(this.words[i]), wanted, most);
      if (far <= most) found.push([far, i]);
    }
    found.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
    return found.slice(0, MOST_CLOSE).map(([, i]) => i);
  }
}

function folded(text) {
  return text.normalize("NFC").toLowerCase();
}

// A Korean syllable is two or three letters here, one of which may be wrong.
function letters(text) {
  return [...text.toLowerCase().normalize("NFD")];
}

// How many letters have to be changed, put in, left out or swapped with the next; beyond the most
// that matters, any larger number.
function distance(a, b, most) {
  if (Math.abs(a.length - b.length) > most) return most + 1;
  let older = [], old = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    let least = i;
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      row[j] = Math.min(old[j] + 1, row[j - 1] + 1, old[j - 1] + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        row[j] = Math.min(row[j], older[j - 2] + 1);
      }
      least = Math.min(least, row[j]);
    }
    if (least > most) return most + 1;
    older = old;
    old = row;
  }
  return old[b.length];
}
