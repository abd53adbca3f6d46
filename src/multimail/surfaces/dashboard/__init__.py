"""The approval desk: pages on which a person sees what waits, exactly as it would leave, and decides."""

from multimail.surfaces.dashboard.routes import routes

__all__ = ["routes"]
