"""The kubelet: runs a Pod's containers and reports them as the real one does.

Held against the recorded watch streams of a kubelet 1.36.3 with containerd 2.3: which states are
reported in which order, restart counts, back-off, conditions, what a deletion looks like. Not
modelled: init and ephemeral containers, volumes, resources, eviction, startup probes, probes other
than HTTP, restart rules.
"""
