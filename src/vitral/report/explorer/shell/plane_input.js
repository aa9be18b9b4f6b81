// What fingers, mouse, wheel and keys do on a latent plane.
(function (V) {
  "use strict";
  const shell = (V.shell = V.shell || {});
  const STILL = 5; // pixels within which a press is a tap and not a drag

  function placeOf(surface, event) {
    const box = surface.getBoundingClientRect();
    return [event.clientX - box.left - surface.clientLeft, event.clientY - box.top - surface.clientTop];
  }

  /** The handle under a pixel, or null; fingers are given more room than a mouse. */
  function handleAt(self, pixel, kind) {
    const room = kind === "touch" ? 24 : 14;
    const near = (self.spec.handles ? self.spec.handles() : []).map((handle) => {
      const [x, y] = self.view.toScreen(handle.at);
      return { handle, distance: Math.hypot(x - pixel[0], y - pixel[1]) };
    });
    const best = near.sort((a, b) => a.distance - b.distance)[0];
    return best && best.distance <= room ? best.handle : null;
  }

  /** One pointer drags the cursor or a handle, two move and zoom, a press without a drag is a click. */
  function planePointers(self) {
    const { surface, view } = self;
    const down = new Map(); // pointerId -> pixel
    let grip = null; // {start, moved, handle, before}

    function press(event) {
      if (event.button > 0) return;
      surface.setPointerCapture(event.pointerId);
      surface.focus({ preventScroll: true });
      down.set(event.pointerId, placeOf(surface, event));
      if (down.size === 2) return void undo();
      const pixel = placeOf(surface, event);
      const handle = handleAt(self, pixel, event.pointerType);
      grip = { start: pixel, moved: false, handle, before: self.get() };
      if (!handle) self.set(view.toPlane(pixel));
    }

    function undo() {
      if (grip && !grip.handle) self.set(grip.before);
      grip = null;
    }

    function move(event) {
      if (!down.has(event.pointerId)) return;
      const pixel = placeOf(surface, event);
      if (down.size === 2) pinch(event.pointerId, pixel);
      down.set(event.pointerId, pixel);
      if (!grip) return;
      grip.moved = grip.moved || Math.hypot(pixel[0] - grip.start[0], pixel[1] - grip.start[1]) > STILL;
      if (grip.handle && grip.moved) grip.handle.move(view.toPlane(pixel));
      else if (!grip.handle) self.set(view.toPlane(pixel));
    }

    function pinch(id, pixel) {
      const before = down.get(id);
      const other = [...down].find(([one]) => one !== id)[1];
      const far = (point) => Math.max(1, Math.hypot(point[0] - other[0], point[1] - other[1]));
      const middle = [(pixel[0] + other[0]) / 2, (pixel[1] + other[1]) / 2];
      view.pan((pixel[0] - before[0]) / 2, (pixel[1] - before[1]) / 2);
      view.zoom(far(before) / far(pixel), middle);
      self.drawLater();
    }

    function lift(event) {
      down.delete(event.pointerId);
      const was = grip;
      grip = null;
      if (!was || was.moved || event.type === "pointercancel") return;
      if (was.handle) self.set(was.handle.at);
      else if (self.spec.click) self.spec.click(self.get());
    }

    surface.addEventListener("pointerdown", press);
    surface.addEventListener("pointermove", move);
    surface.addEventListener("pointerup", lift);
    surface.addEventListener("pointercancel", lift);
    surface.addEventListener("wheel", (event) => {
      if (document.activeElement !== surface) return; // the wheel scrolls the page until the plane is taken hold of
      event.preventDefault();
      view.zoom(Math.exp(Math.max(-1, Math.min(1, event.deltaY / 240))), placeOf(surface, event));
      self.drawLater();
    }, { passive: false });
  }

  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

  function step(event) {
    return event.shiftKey ? 0.25 : event.ctrlKey ? 0.01 : 0.05;
  }

  /** The keys of the plane: returns what a key does, or null for those that are not its own. */
  function planeKeys(self) {
    const { surface, view } = self;
    const actions = { ...shell.actions, ...self.spec.actions };
    const others = {
      Home: () => self.set([0, 0]),
      r: actions.resample, R: actions.resample, "[": actions.previous, "]": actions.next, " ": actions.play,
      p: actions.pin, P: actions.pin,
      "+": () => view.zoom(1 / 1.25), "=": () => view.zoom(1 / 1.25), "-": () => view.zoom(1.25),
    };

    function act(event) {
      if (event.key in ARROWS) {
        const [dx, dy] = ARROWS[event.key];
        const [a, b] = self.get();
        return () => self.set([a + dx * step(event), b + dy * step(event)]);
      }
      if (/^[0-9]$/.test(event.key)) return actions.digit && (() => actions.digit(Number(event.key)));
      return others[event.key];
    }

    surface.addEventListener("keydown", (event) => {
      if (event.altKey || event.metaKey || (event.ctrlKey && !(event.key in ARROWS))) return;
      const done = act(event);
      if (!done) return;
      event.preventDefault();
      done();
      view.follow(self.get());
      self.drawLater();
    });
  }

  const KEYS = ["arrows", "home", "resample", "images", "digits", "play", "zoom"];

  /** The table of keys, folded; its text is what a screen reader tells of the plane. */
  function planeHelp(id) {
    return shell.h("details", { class: "keys" },
      shell.h("summary", { t: "shell.keys" }),
      shell.h("dl", { id }, KEYS.map((key) => shell.h("div", {},
        shell.h("dt", { t: "shell.keys." + key }), shell.h("dd", { t: "shell.keys." + key + ".does" })))));
  }

  Object.assign(shell, { planePointers, planeKeys, planeHelp });
})((globalThis.Vitral = globalThis.Vitral || {}));
