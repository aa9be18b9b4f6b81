/* Optimisers: make one, and call it once for every step; it changes the parameters in place.

   const change = V.engine.adam();        change(model.parameters, gradients, 0.001);

   parameters are {name: {data}}, gradients {name: numbers}; what an optimiser remembers belongs to the one you made. */
(function (V) {
  "use strict";
  const E = V.engine;

  /** rule(remembered, t) -> (g, i) -> by what number i falls; remembered(key) is a vector of zeros at first. */
  function optimiser(rule) {
    const memory = {};
    let t = 0;
    return function change(parameters, gradients, rate) {
      t += 1;
      for (const [name, { data }] of Object.entries(parameters)) {
        memory[name] = memory[name] || {};
        const remembered = (key) => (memory[name][key] = memory[name][key] || E.zeros(data.length));
        const fall = rule(remembered, t, rate);
        for (let i = 0; i < data.length; i++) data[i] -= fall(gradients[name][i], i);
      }
    };
  }

  /** theta <- theta - rate g */
  const sgd = () => optimiser((remembered, t, rate) => (g) => rate * g);

  /** v <- rho v + g        theta <- theta - rate v */
  const momentum = (rho = 0.9) =>
    optimiser((remembered, t, rate) => {
      const v = remembered("v");
      return (g, i) => rate * (v[i] = rho * v[i] + g);
    });

  /** m <- b1 m + (1 - b1) g        v <- b2 v + (1 - b2) g²        (Kingma and Ba 2015, algorithm 1)
   *
   *  theta <- theta - rate (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps)        t counts from 1 */
  const adam = (b1 = 0.9, b2 = 0.999, eps = 1e-8) =>
    optimiser((remembered, t, rate) => {
      const [m, v] = [remembered("m"), remembered("v")];
      const [start1, start2] = [1 - b1 ** t, 1 - b2 ** t];
      return (g, i) => {
        m[i] = b1 * m[i] + (1 - b1) * g;
        v[i] = b2 * v[i] + (1 - b2) * g * g;
        return (rate * (m[i] / start1)) / (Math.sqrt(v[i] / start2) + eps);
      };
    });

  Object.assign(E, { sgd, momentum, adam });
})((globalThis.Vitral = globalThis.Vitral || {}));
