// The connection: batches come in by server-sent events, and it comes back by itself when lost.
"use strict";
(function (L) {
  /** How long to wait before the next try, where the browser does not try by itself. */
  const AGAIN = 2000;
  /** Batches come 20 times a second; after so long without one, the connection is taken for dead. */
  const SILENCE = 4000;
  /** A page that is not to be seen for so long needs no stream. */
  const UNSEEN = 10_000;

  L.Stream = class Stream {
    /** `told` is called with each state, and `taken` with each batch and its number. */
    constructor(address, told, taken) {
      this.address = address;
      this.told = told;
      this.taken = taken;
      this.open();
      document.addEventListener("visibilitychange", () => this.seen());
    }

    open() {
      this.close();
      this.told("connecting");
      const source = (this.source = new EventSource(this.address));
      source.onmessage = (event) => {
        this.told("live");
        this.watch();
        this.taken(JSON.parse(event.data), Number(event.lastEventId));
      };
      source.onerror = () => {
        this.told("lost");
        // A refusal is final to the browser, and a server that starts again may refuse at first.
        if (source.readyState === EventSource.CLOSED) this.again();
      };
      this.watch();
    }

    watch() {
      clearTimeout(this.silence);
      this.silence = setTimeout(() => {
        this.told("lost");
        this.open();
      }, SILENCE);
    }

    again() {
      this.close();
      this.retry = setTimeout(() => this.open(), AGAIN);
    }

    close() {
      clearTimeout(this.silence);
      clearTimeout(this.retry);
      this.source?.close();
      this.source = undefined;
    }

    seen() {
      clearTimeout(this.unseen);
      if (document.hidden) {
        this.unseen = setTimeout(() => {
          this.close();
          this.told("connecting");
        }, UNSEEN);
      } else if (!this.source) this.open();
    }
  };
})(globalThis.LanewayReplay);
