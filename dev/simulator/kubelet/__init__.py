"""The kubelet: runs a Pod's containers and reports them as the real one does.

Compared with recorded watch streams of a kubelet 1.36.3 with containerd 2.3: which states are
reported in which order, restart counts, back-off, conditions, what a deletion looks like; and
against the Events of those Pods: reasons, messages, what they are about. Containers run, exit, are
killed for failed probes and failed postStart hooks, cannot be started, have no image; Pods are
evicted, run beyond their deadline, are deleted. Not modelled: init and ephemeral containers,
volumes, resources, preStop hooks, restart rules. Evictions happen on request only: no resources are
measured.
"""
