"""Names for runs that a person can say and remember: an adjective and the surname of a scientist.

Alone decides what a run is called. Pure but for the chance, which is the system's: a notebook's seed stays untouched.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Container

_RUN_NAME = re.compile(r"[a-z](?:[a-z\d]|[-_](?=[a-z\d])){0,79}", re.IGNORECASE | re.ASCII)
_TRIES = 1000


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_ADJECTIVES = _words("""
able agile airy alert amber ample apt avid balmy blithe bold brave breezy brisk bubbly calm candid cheery chipper
civil clever cosy crisp curious dapper daring deft direct dreamy eager earnest elated fair famous fearless festive
fleet fluent fond frank free fresh gallant gentle genuine giddy glad gleeful golden good graceful grand hardy hearty
honest humble jaunty jolly jovial joyful keen kind lively loyal lucid lucky mellow merry mighty modest nimble noble
patient peaceful placid plucky polite proud quick quiet rapid ready regal robust rosy serene sharp shiny silent
sincere snug spry steady sunny swift tender thrifty tidy upbeat valiant vivid warm wily wise witty zesty
""")

_SURNAMES = _words("""
abel adleman agnesi alhazen ampere anning apgar arber archimedes aristarchus arrhenius avicenna avogadro ayrton
babbage backus banach banneker bardeen bassi bayes becquerel berners bernoulli berzelius bethe blackwell bohr
boltzmann boole borlaug bose boyle brahe brahmagupta browning buck burnell cannon cantor carson cavendish
chandrasekhar chatelet cohn copernicus cori corrigan coulomb crick crowfoot curie cuvier dalton darwin davy dijkstra
dirac doppler dyson easley eddington edison ehrlich einstein elion eratosthenes erdos euclid euler faraday fermat
fermi feynman fibonacci fisher fleming floyd fourier franklin fresnel galileo galois gauss germain gibbs godel
goeppert goodall haber halley hamilton harvey hawking heisenberg helmholtz hermite herschel hertz hilbert hodgkin
hooke hopper hubble humboldt hutton huygens hypatia jackson jacobi jenner johnson joliot joule kelvin kepler kilby
knuth koch kovalevskaya lagrange lamarr landau laplace lavoisier leavitt leibniz levi lister lonsdale lorentz lovelace
lyell malpighi margulis maxwell mcclintock meitner mendel mendeleev milner mirzakhani mitchell moivre montalcini morse
murray napier nernst newton nobel noether ohm oppenheimer ostwald pascal pasteur pauli pauling payne perey planck
poincare poisson priestley ptolemy ramanujan raman rayleigh riemann rontgen rubin rutherford sagan salk sanger
schrodinger seaborg shannon sinoussi snow somerville steno stokes swan tesla thales thomson torricelli turing urey
villani volta wallace watt weber wegener wilkins wu yalow yonath
""")


def is_run_name(text: str) -> bool:
    """Tell whether Nextflow too would take this for the name of a run."""
    return text != "last" and _RUN_NAME.fullmatch(text) is not None


def random_run_name(taken: Container[str]) -> str:
    """Return a name that is not taken.

    Parameters
    ----------
    taken : container of str
        The names of earlier runs.

    Returns
    -------
    str
        As in ``witty_noether``; a number follows once nearly all pairs are taken.
    """
    for attempt in range(2 * _TRIES):
        name = f"{secrets.choice(_ADJECTIVES)}_{secrets.choice(_SURNAMES)}"
        if attempt >= _TRIES:
            name = f"{name}_{secrets.randbelow(10**9)}"
        if name not in taken:
            return name
    raise AssertionError("no free run name among more than 10**12")
