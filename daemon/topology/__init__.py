"""The network's topology as a page: what the check `network` left behind, put together, drawn, and written down."""

from daemon.topology.model import Gap, Hub, Link, Network, Overlap, Topology, topology

__all__ = ["Gap", "Hub", "Link", "Network", "Overlap", "Topology", "topology"]
