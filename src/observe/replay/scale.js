// The horizontal axis: positions, which are steps or times, and the part of them that is in view.
//
// By steps, every event is as far from the last as any other; by time, as long as it took.
"use strict";
(function (L) {
  /** No more events than this are in view at once; a larger recording is seen through a window. */
  const WINDOW = 50_000;

  class Scale {
    constructor(recording, axis) {
      this.recording = recording;
      this.axis = axis;
      this.view = { from: 0, to: 1 };
      this.showFrom(0);
    }

    get max() {
      const r = this.recording;
      return Math.max(1, this.axis === "time" ? r.duration * 1.005 : r.length + 0.5);
    }

    /** Where an event stands. */
    position(event) {
      return this.axis === "time" ? this.recording.at[event] : event + 1;
    }

    /** How many events have happened up to a position. */
    appliedAt(position) {
      const n = this.recording.length;
      if (this.axis !== "time") return Math.max(0, Math.min(n, Math.floor(position)));
      return upperBound(this.recording.at, position);
    }

    /** The events in view: from `first` on, before `last`. */
    visible() {
      const first = Math.max(0, this.appliedAt(this.view.from) - 1);
      return { first, last: Math.min(this.recording.length, this.appliedAt(this.view.to) + 1) };
    }

    // The view.

    /** Shows as much as may be shown, from a position on. */
    showFrom(from) {
      const last = this.appliedAt(from) + WINDOW;
      const whole = this.recording.length <= WINDOW;
      const to = whole || last >= this.recording.length ? this.max : this.position(last);
      this.view = { from: whole ? 0 : from, to: Math.max(to, from + this.least()) };
    }

    least() {
      return this.axis === "time" ? 20 : 4;
    }

    /** Shows the time without idle stretches around a time, if the axis is of time. */
    showStretch(at) {
      if (this.axis !== "time") return;
      const { from, to } = this.recording.stretch(at);
      const margin = (to - from) * 0.03;
      const width = Math.max(this.least(), to - from + 2 * margin);
      this.setView(from - margin, Math.min(this.max, width), at);
    }

    /** Zooms about a position. */
    zoom(factor, about) {
      const { from, to } = this.view;
      const width = Math.max(this.least(), Math.min(this.max, (to - from) * factor));
      const share = (about - from) / (to - from);
      this.setView(about - share * width, width, about);
    }

    /** Shows so much from a position on; or less, with `about` in it, if that is too much. */
    setView(from, width, about = from) {
      const start = Math.max(0, Math.min(from, this.max - width));
      const to = Math.min(this.max, start + width);
      const events = this.appliedAt(to) - this.appliedAt(start);
      if (events <= WINDOW) {
        this.view = { from: start, to };
        return;
      }
      const share = Math.max(0, Math.min(1, (about - start) / (to - start)));
      const before = Math.floor(WINDOW * share);
      const latest = this.recording.length - WINDOW;
      const first = Math.max(0, Math.min(this.appliedAt(about) - before, latest));
      this.showFrom(first > 1 ? this.position(first - 1) : 0);
    }

    /** Moves the view so that a position is in it. */
    follow(position) {
      const { from, to } = this.view;
      if (position >= from && position <= to) return false;
      this.setView(position - (to - from) * 0.1, to - from, position);
      return true;
    }

    // In words.

    words(position) {
      return this.axis === "time" ? L.time(position) : Math.round(position).toLocaleString("en");
    }

    /** A round distance between ticks, at least so much. */
    tick(least) {
      const size = 10 ** Math.floor(Math.log10(Math.max(least, 1e-9)));
      const step = [1, 2, 5, 10].find((n) => n * size >= least) * size;
      return this.axis === "time" ? step : Math.max(1, step);
    }
  }

  /** The first place in a sorted row that holds more than a value. */
  function upperBound(row, value) {
    let low = 0;
    let high = row.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (row[middle] <= value) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  L.Scale = Scale;
  L.upperBound = upperBound;
})(globalThis.LanewayReplay);
