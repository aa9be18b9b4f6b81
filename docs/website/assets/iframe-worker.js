/* Search without a server. A page that is opened as a file may not start a worker: there, the worker's script runs in a hidden
   frame instead, and messages go to and fro in the same way. Over http nothing is changed. */
(function () {
  "use strict";
  if (location.protocol !== "file:") return;

  globalThis.Worker = class {
    constructor(url) {
      this.onmessage = this.onerror = null;
      this.waiting = [];
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      this.frame.srcdoc = "<!doctype html><title>search</title>";
      this.frame.addEventListener("load", () => this.start(String(url)), { once: true });
      document.body.append(this.frame);
    }

    start(url) {
      const inside = this.frame.contentWindow;
      inside.postMessage = (data) => setTimeout(() => this.onmessage?.({ data }));
      const script = inside.document.createElement("script");
      script.onload = () => this.waiting.splice(0).forEach((data) => this.deliver(data));
      script.onerror = (event) => this.onerror?.(event);
      script.src = url;
      inside.document.head.append(script);
    }

    postMessage(data) {
      if (this.frame.contentWindow?.onmessage) this.deliver(data);
      else this.waiting.push(data);
    }

    deliver(data) {
      setTimeout(() => this.frame.contentWindow?.onmessage({ data }));
    }

    terminate() {
      this.frame.remove();
    }
  };
})();
