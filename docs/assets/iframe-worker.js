// A page opened from a folder may not start a worker: there the search works in a hidden frame.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(address) {
      super();
      this.waiting = [];
      const frame = document.createElement("iframe");
      frame.hidden = true;
      frame.addEventListener("load", () => this.begin(frame.contentWindow, address), { once: true });
      document.body.append(frame);
    }

    begin(room, address) {
      room.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
      const script = room.document.createElement("script");
      script.src = address;
      script.addEventListener("load", () => {
        this.room = room;
        this.waiting.splice(0).forEach((data) => this.postMessage(data));
      });
      room.document.body.append(script);
    }

    postMessage(data) {
      if (this.room) this.room.dispatchEvent(new this.room.MessageEvent("message", { data }));
      else this.waiting.push(data);
    }
  };
}
