// Published numbers that W24 lays its ruler against. `nats` an image or `bits` a dimension as printed there; `pixels` is
// how they were given: "dynamic" and "static" bits, or "levels" of grey; `samples` of importance sampling.
(function (V) {
  "use strict";
  const IWAE = "Burda, Grosse and Salakhutdinov 2016, arXiv:1509.00519";
  const EXEMPLAR = "Norouzi et al. 2020, arXiv:2004.04795, tables of the authors";
  V.widgets.published = [
    { id: "iwae-vae", name: "VAE, 784-200-200-50", data: "mnist", pixels: "dynamic", nats: 86.76, samples: 5000, source: IWAE + ", table 1" },
    { id: "iwae-50", name: "IWAE, k = 50", data: "mnist", pixels: "dynamic", nats: 84.78, samples: 5000, source: IWAE + ", table 1" },
    { id: "gated", name: "VAE, gated 2 × 300, z = 40", data: "mnist", pixels: "dynamic", nats: 84.45, spread: 0.12, samples: 5000, source: EXEMPLAR },
    { id: "vamp", name: "VAE + VampPrior, gated 2 × 300", data: "mnist", pixels: "dynamic", nats: 82.43, spread: 0.06, samples: 5000, source: EXEMPLAR },
    { id: "exemplar", name: "Exemplar VAE, gated 2 × 300", data: "mnist", pixels: "dynamic", nats: 82.09, spread: 0.18, samples: 5000, source: EXEMPLAR },
    { id: "residual", name: "Residual VAE + RealNVP prior", data: "mnist", pixels: "dynamic", nats: 78.49, samples: 1000, source: "Xu et al. 2019" },
    { id: "iwae-static", name: "VAE, 784-200-200-50", data: "mnist", pixels: "static", nats: 88.71, samples: 5000, source: IWAE + ", table 3" },
    { id: "bit-swap", name: "Bit-Swap", data: "mnist", pixels: "levels", bits: 1.29, samples: null, source: "Kingma, Abbeel and Ho 2019, arXiv:1905.06845, README" },
    { id: "fashion", name: "VAE, gated 2 × 300, z = 40", data: "fashion-mnist", pixels: "dynamic", nats: 228.7, spread: 0.15, samples: 5000, source: EXEMPLAR },
  ];
})((globalThis.Vitral = globalThis.Vitral || {}));
