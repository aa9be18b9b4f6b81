"""What a diagnosis says, in words: one template a kind of finding, of the end (diagnosis.py) or of the way (watch.py).

A template is a pair: what was found, and what to try. Its fields are the names of the finding's numbers, with
Python's format specifications; every finding has all that its template names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vitral.errors import unknown

SEVERITIES = ("serious", "warning", "note")  # worst first
_SWAP = str.maketrans({",": ".", ".": ","})
MINUS = "\N{MINUS SIGN}"
_AND = {"en": "and", "pt": "e"}

WORDS: dict[str, dict[str, tuple[str, str]]] = {
    "en": {
        "collapsed": (
            "Posterior collapse: the code says nothing. Rate {kl:.3f} nats per image, active dimensions "
            "{active} of {latent}; the decoder ignores z, and every reconstruction is the same image.",
            "Start with a small KL weight and raise it slowly (a beta schedule), give each dimension free "
            "bits, lower beta, or weaken the decoder. With a Gaussian likelihood, learn its variance.",
        ),
        "dead_dimensions": (
            "Dead dimensions: {dead} of {latent} (numbers {dimensions}), whose code hardly depends on the "
            "image.",
            "If the ELBO is what you want, nothing: unused dimensions cost no more than their KL. To use "
            "them, warm up the KL weight or set free bits; otherwise take a smaller latent size.",
        ),
        "heavy_kl": (
            "The KL weighs {beta:.3g} times its share: the likelihood is told a variance that much larger "
            "than its residuals have, or beta is set above 1. Blurred images and dead dimensions follow.",
            "Learn the variance (likelihood gaussian_learned), or lower beta; keep it only if a short "
            "code is wanted.",
        ),
        "prior_missed": (
            "The prior misses the aggregate posterior: {holes:.0%} of its draws fall where q(z) is thinner than at "
            "99% of new codes, and {strays:.0%} of the codes lie where it hardly draws (1% would be chance in both). "
            "KL(q(z), p(z)) lies between {marginal_kl_lower:.2f} and {marginal_kl:.2f} nats.",
            "Take a prior that learns (mixture, VampPrior, flow), fit one to the codes after training, or raise beta.",
        ),
        "information_saturated": (
            "Mutual information reached its ceiling: at least {mutual_information:.2f} nats, with "
            "{images} images it cannot be seen above {log_images:.2f}. KL(q(z), p(z)) is then only known "
            "to lie between {marginal_kl_lower:.2f} and {marginal_kl:.2f} nats.",
            "Read the bounds and not one number; more images narrow them slowly, by the logarithm of "
            "their count.",
        ),
        "stopped_early": (
            "Training stopped too early: validation loss still fell by {pace:.2f} nats an epoch, "
            "{fall:.2f} nats over the last {epochs} epochs.",
            "Train longer: twice the epochs, or until patience stops it. Compare models only after that.",
        ),
        "overfitting": (
            "Overfitting: validation loss was best at epoch {best_epoch} and has risen by {rise:.2f} nats "
            "since, while the training loss fell by {gain:.2f}.",
            "Keep the best weights (training.keep = best), stop earlier (patience), or use a smaller "
            "network.",
        ),
        "generalisation_gap": (
            "The model knows its training rows better: validation loss is {gap:.2f} nats above training "
            "loss, {errors:.0f} standard errors.",
            "Expect the test ELBO, not the training one. More data, a smaller network or fewer epochs "
            "narrow the gap.",
        ),
        "variance_at_floor": (
            "The learned variance is at its floor: {variance:.3g}, floor {floor:.3g}. The density is "
            "limited by that setting and by nothing else, so likelihoods of this model mean nothing.",
            "Look for pixels that never vary; add noise of one grey level, take a discretised likelihood, "
            "or raise the floor to the noise that the data have.",
        ),
        "free_bits_active": (
            "Free bits at work: {held} of {latent} dimensions sit at their floor of {floor:.3g} nats, "
            "where the objective does not reward saying less.",
            "Check with traversals whether these dimensions do anything; a lower floor shows which would "
            "survive.",
        ),
        "amortisation_gap": (
            "The encoder leaves {gap:.2f} nats per image unused: a q fitted to each image by itself has an "
            "ELBO higher by that much.",
            "A larger encoder, more training of it, or a richer posterior; the decoder explains these images "
            "better than the ELBO says.",
        ),
        "memorised": (
            "Samples are nearer to training rows than to unseen ones: of the rows nearest to them {share:.0%} are "
            "training rows, where {expected:.0%} would be chance (p = {p_value:.1g}).",
            "Look at the nearest training rows beside the samples; regularise, train less, or use more data.",
        ),
        "classes_missing": (
            "Samples miss classes: {classes}. Each has less than a fifth of its share of the data.",
            "Take a learned prior or condition on the label; see also where the prior misses the codes.",
        ),
        "aggregate_off": (
            "All codes together are not where the prior is in {off} of {latent} dimensions; most in dimension {worst}, "
            "with mean {mean:+.2f} and variance {variance:.2f}.",
            "Train longer, raise beta, or let the prior learn; samples come from the prior, not from where codes are.",
        ),
        "seeds_disagree": (
            "Seeds disagree: over {seeds} seeds the test loss has a standard deviation of {spread:.2f} nats, and "
            "measuring it once has a standard error of {error:.2f}.",
            "Compare models by their means over seeds; train longer, or with a smaller rate at the end.",
        ),
        "worse_than_pca": (
            "Worse than PCA: squared error {sse:.2f} at z = \N{GREEK SMALL LETTER MU}, where {components} components "
            "of PCA leave {pca:.2f}.",
            "Train longer, widen the networks, or look for a heavy KL: a non-linear code of this size should do "
            "better.",
        ),
        "idle_dimension": (
            "Dimensions say next to nothing: {idle} of {latent} below {on:.2g} nats; the weakest has {value:.4f} at "
            "epoch {epoch:.3g}.",
            "Warm up the weight of the KL or give free bits; where it lasts to the end, a smaller code costs nothing.",
        ),
        "dead_units": (
            "Dead ReLUs: in hidden layer {layer} of {layers}, {value:.0%} of the units are 0 for every image at epoch "
            "{epoch:.3g}.",
            "Lower the learning rate or the initial scale, or take an activation that does not die (silu, softplus, "
            "tanh).",
        ),
        "large_steps": (
            "Large steps: one update changes {tensor} by {value:.0%} of its size at epoch {epoch:.3g}.",
            "Lower the learning rate, or warm it up over the first steps.",
        ),
        "validation_rises": (
            "Validation loss lies {value:.2f} nats above its best, that of epoch {best_epoch}, at epoch {epoch}.",
            "Keep the best weights (training.keep = best) or stop by patience; where it comes back, lower the rate.",
        ),
        "gap_opens": (
            "Validation loss lies {value:.1f} nats above training loss at epoch {epoch}, both measured in the same "
            "way.",
            "More data, a smaller network or fewer epochs; expect the test ELBO and not the training one.",
        ),
        "shortcut": (
            "Measured at z = \N{GREEK SMALL LETTER MU}, the validation loss would look {value:.2f} nats lower at epoch "
            "{epoch}: no fair comparison with a training loss of sampled z.",
            "Compare losses that were measured alike: sampled with sampled, after the epoch and not during it.",
        ),
    },
    "pt": {
        "collapsed": (
            "Colapso da posteriori: o código não diz nada. Taxa de {kl:.3f} nats por imagem, dimensões "
            "ativas {active} de {latent}; o decodificador ignora z, e toda reconstrução é a mesma imagem.",
            "Comece com um peso pequeno da KL e aumente-o devagar (um cronograma de beta), dê bits livres "
            "a cada dimensão, reduza beta ou enfraqueça o decodificador. Com verossimilhança gaussiana, "
            "aprenda a variância.",
        ),
        "dead_dimensions": (
            "Dimensões inativas: {dead} de {latent} (números {dimensions}), cujo código quase não depende "
            "da imagem.",
            "Se o objetivo é a ELBO, nada: dimensões sem uso não custam mais que a sua KL. Para usá-las, "
            "aqueça o peso da KL ou use bits livres; senão, escolha uma dimensão latente menor.",
        ),
        "heavy_kl": (
            "A KL pesa {beta:.3g} vezes o que lhe cabe: a verossimilhança recebeu uma variância tantas "
            "vezes maior que a dos resíduos, ou beta está acima de 1. Seguem-se imagens borradas e "
            "dimensões inativas.",
            "Aprenda a variância (verossimilhança gaussian_learned) ou reduza beta; mantenha-o só se "
            "quiser um código curto.",
        ),
        "prior_missed": (
            "A priori não acerta a posteriori agregada: {holes:.0%} das suas amostras caem onde q(z) é mais rala que "
            "em 99% dos códigos novos, e {strays:.0%} dos códigos estão onde ela quase não amostra (1% seria o acaso "
            "em ambos). KL(q(z), p(z)) está entre {marginal_kl_lower:.2f} e {marginal_kl:.2f} nats.",
            "Use uma priori que aprende (mistura, VampPrior, fluxo), ajuste uma aos códigos depois do treino ou "
            "aumente beta.",
        ),
        "information_saturated": (
            "A informação mútua chegou ao teto: pelo menos {mutual_information:.2f} nats; com {images} "
            "imagens não se vê acima de {log_images:.2f}. De KL(q(z), p(z)) só se sabe então que está "
            "entre {marginal_kl_lower:.2f} e {marginal_kl:.2f} nats.",
            "Leia os limites, e não um número só; mais imagens os aproximam devagar, pelo logaritmo da "
            "quantidade.",
        ),
        "stopped_early": (
            "O treino parou cedo demais: a perda de validação ainda caía {pace:.2f} nats por época, "
            "{fall:.2f} nats nas últimas {epochs} épocas.",
            "Treine mais: o dobro de épocas, ou até a paciência parar. Só depois compare modelos.",
        ),
        "overfitting": (
            "Sobreajuste: a perda de validação foi melhor na época {best_epoch} e subiu {rise:.2f} nats "
            "desde então, enquanto a de treino caiu {gain:.2f}.",
            "Fique com os melhores pesos (training.keep = best), pare antes (patience) ou use uma rede "
            "menor.",
        ),
        "generalisation_gap": (
            "O modelo conhece melhor as linhas de treino: a perda de validação está {gap:.2f} nats acima "
            "da de treino, {errors:.0f} erros padrão.",
            "Conte com a ELBO de teste, e não com a de treino. Mais dados, uma rede menor ou menos épocas "
            "reduzem a diferença.",
        ),
        "variance_at_floor": (
            "A variância aprendida está no piso: {variance:.3g}, piso {floor:.3g}. Só essa configuração "
            "limita a densidade; as verossimilhanças deste modelo não significam nada.",
            "Procure pixels que nunca variam; some ruído de um nível de cinza, use uma verossimilhança "
            "discretizada ou eleve o piso ao ruído que os dados têm.",
        ),
        "free_bits_active": (
            "Bits livres em ação: {held} de {latent} dimensões estão no piso de {floor:.3g} nats, onde o "
            "objetivo não premia dizer menos.",
            "Veja com percursos latentes se essas dimensões fazem algo; um piso menor mostra quais "
            "sobreviveriam.",
        ),
        "amortisation_gap": (
            "O codificador deixa {gap:.2f} nats por imagem sem uso: uma q ajustada a cada imagem tem ELBO "
            "maior nesse valor.",
            "Um codificador maior, mais treino dele ou uma posteriori mais rica; o decodificador explica estas "
            "imagens melhor do que a ELBO diz.",
        ),
        "memorised": (
            "As amostras estão mais perto das linhas de treino que das não vistas: das linhas mais próximas delas, "
            "{share:.0%} são de treino, e {expected:.0%} seria o acaso (p = {p_value:.1g}).",
            "Olhe as linhas de treino mais próximas ao lado das amostras; regularize, treine menos ou use mais dados.",
        ),
        "classes_missing": (
            "Faltam classes nas amostras: {classes}. Cada uma tem menos de um quinto da sua parte nos dados.",
            "Use uma priori aprendida ou condicione ao rótulo; veja também onde a priori não acerta os códigos.",
        ),
        "aggregate_off": (
            "Todos os códigos juntos não estão onde a priori está em {off} de {latent} dimensões; sobretudo na "
            "dimensão {worst}, com média {mean:+.2f} e variância {variance:.2f}.",
            "Treine mais, aumente beta ou deixe a priori aprender; as amostras vêm da priori, e não de onde estão os "
            "códigos.",
        ),
        "seeds_disagree": (
            "As sementes discordam: em {seeds} sementes a perda de teste tem desvio padrão de {spread:.2f} nats, e "
            "medi-la uma vez tem erro padrão de {error:.2f}.",
            "Compare modelos pelas médias sobre as sementes; treine mais, ou com taxa menor no fim.",
        ),
        "worse_than_pca": (
            "Pior que a PCA: erro quadrático de {sse:.2f} em z = \N{GREEK SMALL LETTER MU}, onde {components} "
            "componentes da PCA deixam {pca:.2f}.",
            "Treine mais, alargue as redes ou procure uma KL pesada: um código não linear deste tamanho deveria ser "
            "melhor.",
        ),
        "idle_dimension": (
            "Dimensões quase não dizem nada: {idle} de {latent} abaixo de {on:.2g} nats; a mais fraca tem {value:.4f}"
            " na época {epoch:.3g}.",
            "Aqueça o peso da KL ou dê bits livres; onde isso dura até o fim, um código menor não custa nada.",
        ),
        "dead_units": (
            "ReLUs mortas: na camada oculta {layer} de {layers}, {value:.0%} das unidades são 0 para todas as imagens"
            " na época {epoch:.3g}.",
            "Reduza a taxa de aprendizado ou a escala inicial, ou use uma ativação que não morre (silu, softplus, "
            "tanh).",
        ),
        "large_steps": (
            "Passos grandes: uma atualização muda {tensor} em {value:.0%} do seu tamanho na época {epoch:.3g}.",
            "Reduza a taxa de aprendizado ou aqueça-a nos primeiros passos.",
        ),
        "validation_rises": (
            "A perda de validação está {value:.2f} nats acima da melhor, a da época {best_epoch}, na época {epoch}.",
            "Fique com os melhores pesos (training.keep = best) ou pare pela paciência; onde ela volta, reduza a taxa.",
        ),
        "gap_opens": (
            "A perda de validação está {value:.1f} nats acima da de treino na época {epoch}, ambas medidas do mesmo "
            "modo.",
            "Mais dados, uma rede menor ou menos épocas; conte com a ELBO de teste, e não com a de treino.",
        ),
        "shortcut": (
            "Medida em z = \N{GREEK SMALL LETTER MU}, a perda de validação pareceria {value:.2f} nats menor na época "
            "{epoch}: não é comparação justa com uma perda de treino de z sorteado.",
            "Compare perdas medidas do mesmo modo: sorteada com sorteada, depois da época e não durante ela.",
        ),
    },
}


@dataclass(frozen=True)
class Finding:
    """One thing that a diagnosis found: its stable kind, how bad it is, and the numbers that say so.

    >>> found = Finding("stopped_early", "warning", {"pace": 0.4, "fall": 1.2, "epochs": 3})
    >>> found.says("pt").split(":")[0]
    'O treino parou cedo demais'
    """

    kind: str
    severity: str
    numbers: dict[str, Any]

    def says(self, language: str = "en") -> str:
        """What was found, a sentence or two with its numbers."""
        return self._filled(0, language)

    def advice(self, language: str = "en") -> str:
        """What to try."""
        return self._filled(1, language)

    def _filled(self, part: int, language: str) -> str:
        if language not in WORDS:
            raise unknown("language", language, WORDS)
        return written(WORDS[language][self.kind][part], self.numbers, language)


def written(template: str, numbers: Mapping[str, Any], language: str) -> str:
    """A template with its numbers, as the language writes them."""
    return template.format_map({name: _Written(value, language) for name, value in numbers.items()})


@dataclass(frozen=True)
class _Written:
    """A number or a list as a language writes it, with a true minus sign."""

    value: Any
    language: str

    def __format__(self, specification: str) -> str:
        if isinstance(self.value, list | tuple):
            return self._listed([str(item) for item in self.value])
        written = format(self.value, specification).replace("-", MINUS)
        return written.translate(_SWAP) if self.language == "pt" else written

    def _listed(self, items: list[str]) -> str:
        """a, b and c; a dash where nothing is known."""
        *head, last = items or ["\N{EN DASH}"]
        return f"{', '.join(head)} {_AND[self.language]} {last}" if head else last
