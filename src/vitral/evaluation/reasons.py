"""Why a finding is one: what its number means, and beyond which threshold it is worth a sentence; in both languages."""

from __future__ import annotations

from vitral.errors import unknown
from vitral.evaluation import diagnosis
from vitral.evaluation.findings import written
from vitral.evaluation.watch import RULES

WHY: dict[str, dict[str, str]] = {
    "en": {
        "collapsed": (
            "The rate is what the code says about an image. Below {silent} nats, or with no active dimension, z "
            "carries nothing."
        ),
        "dead_dimensions": (
            "A dimension is active where its mean varies over the images by more than a small threshold; others "
            "cost and say nothing."
        ),
        "heavy_kl": (
            "Too large a variance of the likelihood makes every error cheap, and so the KL dear. The rule: more "
            "than {heavy:.0f} times its share."
        ),
        "prior_missed": (
            "Samples are decoded from the prior; where no code ever was, the decoder never learned anything. The "
            "rule: beyond {uncovered:.0%} of either, or {mismatch:.0f} nat, by {certain:.0f} standard errors."
        ),
        "information_saturated": (
            "N images show at most log N nats of information, however much there is. The rule: within 1 nat of "
            "that."
        ),
        "stopped_early": (
            "A loss that still falls says more about the budget than about the model. The rule: more than {nats} "
            "nats over the last quarter, in each half of it."
        ),
        "overfitting": (
            "What is learned after the best epoch is learned of the training rows alone. The rule: {nats} nats "
            "above the best."
        ),
        "generalisation_gap": (
            "Both losses are measured alike, so their difference is what the training rows alone gain. The rule: "
            "{gap:.0f} nats and {certain:.0f} standard errors."
        ),
        "variance_at_floor": (
            "Some pixels are reproduced so exactly that the density would grow without end; a floor is all that "
            "stops it."
        ),
        "free_bits_active": (
            "Under free bits a dimension's KL below its floor costs nothing, and gains nothing either."
        ),
        "amortisation_gap": (
            "One encoder serves all images; a q of its own for each would fit better. The rule: more than 1 nat, "
            "by {certain:.0f} standard errors."
        ),
        "memorised": (
            "A sample that is nearer to training rows than chance allows is a copy of some. The rule: "
            "{copies:.0%} of the way to copies only, p below {rare}."
        ),
        "classes_missing": (
            "A classifier of the data says what the samples show. The rule: less than {missing:.0%} of a class's "
            "share."
        ),
        "aggregate_off": (
            "The KL pulls every single code towards the prior, but not their sum onto it. The rule: {off_centre} "
            "standard deviations, or a factor of {off_scale:.0f} in the variance."
        ),
        "seeds_disagree": (
            "One seed is one draw of all that chance decides in a training. The rule: more than {certain:.0f} "
            "standard errors of one measurement, and {nats} nats."
        ),
        "worse_than_pca": (
            "PCA is the best linear code of its size for the squared error, found without training. The rule: "
            "{certain:.0f} standard errors."
        ),
        "idle_dimension": (
            "The decoder cannot use what a code does not say. Begins below {idle_dimension_on:.2g} nats, ends "
            "above {idle_dimension_off:.2g}."
        ),
        "dead_units": (
            "A ReLU that is 0 for every image has no gradient, and does not come back by itself. Begins above "
            "{dead_units_on:.0%} of a layer, ends at {dead_units_off:.0%}."
        ),
        "large_steps": (
            "Gradients tell the way for small steps only. Begins above {large_steps_on:.0%} of the weights, root "
            "mean squares, ends at {large_steps_off:.0%}."
        ),
        "validation_rises": (
            "The validation rows see nothing of the training; once they get worse, what is learned is no longer "
            "about them. Begins above {validation_rises_on} nats, ends at {validation_rises_off}."
        ),
        "gap_opens": (
            "Measured alike, both losses differ only by what is learned by heart. Begins above {gap_opens_on:.0f}"
            " nats, ends at {gap_opens_off}."
        ),
        "shortcut": (
            "An ELBO is an expectation over z; the value at its mean is another number, and a better one. Begins "
            "above {shortcut_on:.0f} nat, ends at {shortcut_off}."
        ),
    },
    "pt": {
        "collapsed": (
            "A taxa é o que o código diz de uma imagem. Abaixo de {silent} nats, ou sem dimensão ativa, z não "
            "carrega nada."
        ),
        "dead_dimensions": (
            "Uma dimensão é ativa onde a sua média varia entre as imagens mais que um pequeno limiar; as outras "
            "não custam nem dizem nada."
        ),
        "heavy_kl": (
            "Uma variância grande demais da verossimilhança barateia todo erro, e assim encarece a KL. A regra: "
            "mais de {heavy:.0f} vezes o que lhe cabe."
        ),
        "prior_missed": (
            "As amostras são decodificadas da priori; onde nunca houve código, o decodificador nunca aprendeu "
            "nada. A regra: além de {uncovered:.0%} em um dos dois, ou {mismatch:.0f} nat, por {certain:.0f} "
            "erros padrão."
        ),
        "information_saturated": (
            "N imagens mostram no máximo log N nats de informação, por mais que haja. A regra: a menos de 1 nat "
            "disso."
        ),
        "stopped_early": (
            "Uma perda que ainda cai diz mais do orçamento que do modelo. A regra: mais de {nats} nats no último "
            "quarto, em cada metade dele."
        ),
        "overfitting": (
            "O que se aprende depois da melhor época se aprende só das linhas de treino. A regra: {nats} nats "
            "acima da melhor."
        ),
        "generalisation_gap": (
            "As duas perdas são medidas do mesmo modo; a diferença é o que só as linhas de treino ganham. A "
            "regra: {gap:.0f} nats e {certain:.0f} erros padrão."
        ),
        "variance_at_floor": (
            "Alguns pixels são reproduzidos com tanta exatidão que a densidade cresceria sem fim; só um piso a "
            "detém."
        ),
        "free_bits_active": "Com bits livres, a KL de uma dimensão abaixo do piso não custa nada, e nada ganha.",
        "amortisation_gap": (
            "Um só codificador serve a todas as imagens; uma q própria de cada uma se ajustaria melhor. A regra: "
            "mais de 1 nat, por {certain:.0f} erros padrão."
        ),
        "memorised": (
            "Uma amostra mais perto das linhas de treino do que o acaso permite é cópia de alguma. A regra: "
            "{copies:.0%} do caminho até só cópias, p abaixo de {rare}."
        ),
        "classes_missing": (
            "Um classificador dos dados diz o que as amostras mostram. A regra: menos de {missing:.0%} da parte "
            "de uma classe."
        ),
        "aggregate_off": (
            "A KL puxa cada código para a priori, mas não a soma deles para cima dela. A regra: {off_centre} "
            "desvios padrão, ou um fator {off_scale:.0f} na variância."
        ),
        "seeds_disagree": (
            "Uma semente é um sorteio de tudo o que o acaso decide num treino. A regra: mais de {certain:.0f} "
            "erros padrão de uma medida, e {nats} nats."
        ),
        "worse_than_pca": (
            "A PCA é o melhor código linear do seu tamanho para o erro quadrático, achado sem treino. A regra: "
            "{certain:.0f} erros padrão."
        ),
        "idle_dimension": (
            "O decodificador não pode usar o que um código não diz. Começa abaixo de {idle_dimension_on:.2g} "
            "nats, termina acima de {idle_dimension_off:.2g}."
        ),
        "dead_units": (
            "Uma ReLU que é 0 para toda imagem não tem gradiente, e não volta por si. Começa acima de "
            "{dead_units_on:.0%} de uma camada, termina em {dead_units_off:.0%}."
        ),
        "large_steps": (
            "Gradientes só mostram o caminho de passos pequenos. Começa acima de {large_steps_on:.0%} dos pesos, "
            "médias quadráticas, termina em {large_steps_off:.0%}."
        ),
        "validation_rises": (
            "As linhas de validação nada veem do treino; quando pioram, o que se aprende já não é sobre elas. "
            "Começa acima de {validation_rises_on} nats, termina em {validation_rises_off}."
        ),
        "gap_opens": (
            "Medidas do mesmo modo, as duas perdas só diferem pelo que se decora. Começa acima de "
            "{gap_opens_on:.0f} nats, termina em {gap_opens_off}."
        ),
        "shortcut": (
            "Uma ELBO é uma esperança sobre z; o valor na média é outro número, e melhor. Começa acima de "
            "{shortcut_on:.0f} nat, termina em {shortcut_off}."
        ),
    },
}
_OF_THE_END = (
    "SILENT", "HEAVY", "UNCOVERED", "MISMATCH", "CERTAIN", "NATS", "GAP", "COPIES", "RARE", "MISSING", "OFF_CENTRE",
    "OFF_SCALE",
)  # fmt: skip
LIMITS = {
    **{name.lower(): getattr(diagnosis, name) for name in _OF_THE_END},
    **{f"{rule.kind}_{side}": getattr(rule, side) for rule in RULES for side in ("on", "off")},
}


def why(kind: str, language: str = "en") -> str:
    """Why such a finding is one, with the thresholds of its rule.

    >>> why("dead_units").split(". ")[1]
    'Begins above 10% of a layer, ends at 5%.'
    """
    if language not in WHY:
        raise unknown("language", language, WHY)
    return written(WHY[language][kind], LIMITS, language)
