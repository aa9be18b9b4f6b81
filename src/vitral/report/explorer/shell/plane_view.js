// What part of the latent plane is seen, and where a point of it lies on the screen.
(function (V) {
  "use strict";
  const shell = (V.shell = V.shell || {});

  /** A square window on the plane: `centre` and `span`, from its middle to its edge. */
  class PlaneView {
    constructor(span) {
      this.home = span;
      this.reset();
      this.size = 400;
    }

    reset() {
      this.centre = [0, 0];
      this.span = this.home;
    }

    /** Pixels of one unit of the plane. */
    get unit() {
      return this.size / (2 * this.span);
    }

    toScreen(point) {
      return [
        this.size / 2 + (point[0] - this.centre[0]) * this.unit,
        this.size / 2 - (point[1] - this.centre[1]) * this.unit,
      ];
    }

    toPlane(pixel) {
      return [
        this.centre[0] + (pixel[0] - this.size / 2) / this.unit,
        this.centre[1] - (pixel[1] - this.size / 2) / this.unit,
      ];
    }

    /** Zoom by a factor, below 1 for closer, so that what lies under a pixel stays there. */
    zoom(factor, pixel) {
      const under = this.toPlane(pixel || [this.size / 2, this.size / 2]);
      const span = Math.min(40, Math.max(0.02, this.span * factor));
      const share = span / this.span;
      this.centre = this.centre.map((one, i) => under[i] + (one - under[i]) * share);
      this.span = span;
    }

    /** Move what is seen by some pixels. */
    pan(dx, dy) {
      this.centre = [this.centre[0] - dx / this.unit, this.centre[1] + dy / this.unit];
    }

    /** Bring a point into sight, where it is not. */
    follow(point) {
      point.forEach((one, i) => {
        const over = Math.abs(one - this.centre[i]) - this.span;
        if (over > 0) this.centre[i] += Math.sign(one - this.centre[i]) * (over + this.span * 0.1);
      });
    }

    /** The least and the greatest seen of each axis. */
    get bounds() {
      return [0, 1].map((i) => [this.centre[i] - this.span, this.centre[i] + this.span]);
    }
  }

  Object.assign(shell, { PlaneView });
})((globalThis.Vitral = globalThis.Vitral || {}));
