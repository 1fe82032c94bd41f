"""All bugs that are planted, one at a time: the simulation has to find each."""

from tests.simulation import bugs_in_relay, bugs_in_rooms, bugs_in_store
from tests.simulation.bug import Bug

BUGS: dict[str, Bug] = {**bugs_in_relay.BUGS, **bugs_in_rooms.BUGS, **bugs_in_store.BUGS}
