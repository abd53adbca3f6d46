"""The sealer: chains new audit entries within a second of their transaction."""

from functools import partial

from multimail.operations.context import Services
from multimail.operations.sealing import Sign, seal_accounts, seal_all
from multimail.workers.rounds import Rounds


def sealer(services: Services, sign: Sign) -> Rounds:
    return Rounds(
        services, "seal", "audit", partial(seal_accounts, services, sign), partial(seal_all, services, sign)
    )
