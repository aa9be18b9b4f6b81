// W3's maps over the plane: classes by the nearest codes, the decoder's Jacobian, a grid of decoded images, the KL's pull.
(function (V) {
  "use strict";
  const CLASS_GRID = 60;
  const JACOBIAN_GRID = 30;

  function colourParts(hex) {
    return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
  }

  /** Points of a square grid over a square around the origin, row 0 lowest: {columns, rows, low, high, at(i)}. */
  function gridOver(span, count) {
    const at = (i) => [
      -span + (2 * span * ((i % count) + 0.5)) / count,
      -span + (2 * span * (Math.floor(i / count) + 0.5)) / count,
    ];
    return { columns: count, rows: count, low: [-span, -span], high: [span, span], at };
  }

  /** sqrt(det(JᵀJ)) of the mean image by z at every point of a grid: runs in a worker, and uses nothing from outside. */
  function stretching(vitral, { plain, points }) {
    const model = new vitral.engine.Model(plain.description, (name) => plain.arrays[name] || null);
    return Array.from(vitral.engine.sensitivity(model, points.flat()));
  }

  /** The maps of the model of now; `ready` is called when one that takes long has come. */
  function latentMaps(page, shell, ready) {
    let kept = {};

    function span() {
      const codes = page.array(shell.state.get().model + "/codes");
      return codes ? Math.max(3.5, codes.data.reduce((most, one) => Math.max(most, Math.abs(one)), 0)) : 4;
    }

    function classes() {
      const codes = page.array(shell.state.get().model + "/codes");
      const labels = page.array("images_labels");
      if (!codes || !labels || codes.shape[1] !== 2) return null;
      if (!kept.classes) {
        const grid = gridOver(span(), CLASS_GRID);
        kept.classes = { ...grid, values: Array.from({ length: CLASS_GRID ** 2 }, (_, i) => shell.vote(codes, labels, grid.at(i), 15)) };
      }
      return { ...kept.classes, colour: ({ label, share }) => [...colourParts(shell.classColour(label)), 40 + 120 * share] };
    }

    function jacobian() {
      if (shell.currentModel().latent !== 2) return null;
      if (!kept.jacobian) {
        const grid = gridOver(span(), JACOBIAN_GRID);
        const own = kept;
        own.jacobian = { grid, values: null };
        const worker = shell.worker(stretching);
        const points = Array.from({ length: JACOBIAN_GRID ** 2 }, (_, i) => grid.at(i));
        worker.ask({ plain: page.plain(shell.state.get().model), points }).then((values) => {
          worker.stop();
          own.jacobian.values = values;
          ready();
        });
      }
      const { grid, values } = kept.jacobian;
      if (!values) return null;
      const most = Math.log1p(values.reduce((a, b) => Math.max(a, b), 0));
      const ink = colourParts(shell.dark() ? "#ffb37a" : "#b03a00");
      return { ...grid, values, colour: (value) => [...ink, (225 * Math.log1p(value)) / most] };
    }

    /** A decoded image at the middle of each tile of what is seen. */
    function tiles(options) {
      const across = 12;
      const get = (view) => {
        const { model, z } = shell.state.get();
        const key = [model, ...view.bounds.flat(), ...z.slice(2)].join();
        if (!kept.tiles || kept.tiles.key !== key) kept.tiles = { key, list: decodedTiles(view, across, z.slice(2)) };
        return kept.tiles.list;
      };
      return shell.layers.layer((surface) => {
        const width = (2 * surface.view.span) / across;
        shell.layers.tiles({ get: () => get(surface.view), shape: page.data.image_shape, width: 0.94 * width }).paint(surface);
      }, options);
    }

    function decodedTiles(view, across, others) {
      const model = shell.currentModel();
      const at = (i) => [0, 1].map((axis) => {
        const step = axis ? Math.floor(i / across) : i % across;
        return view.centre[axis] - view.span + (2 * view.span * (step + 0.5)) / across;
      });
      return Array.from({ length: across * across }, (_, i) => ({ at: at(i), values: model.mean(model.decode([...at(i), ...others])) }));
    }

    /** -dKL/dmu = -mu at a grid of mu: where the KL term pulls a code. */
    function forces(options) {
      return shell.layers.layer((surface) => {
        const { view } = surface;
        const step = view.span / 5;
        const list = Array.from({ length: 100 }, (_, i) => {
          const from = [view.centre[0] + ((i % 10) - 4.5) * step, view.centre[1] + (Math.floor(i / 10) - 4.5) * step];
          return { from, by: from.map((one) => -one * 0.12), width: 1.6 };
        });
        shell.layers.arrows({ get: () => list }).paint(surface);
      }, options);
    }

    return { classes, jacobian, tiles, forces, forget: () => { kept = {}; } };
  }

  V.widgets.latentMaps = latentMaps;
})((globalThis.Vitral = globalThis.Vitral || {}));
