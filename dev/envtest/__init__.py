"""A real control plane on this machine, for the tests, the benchmarks and the demo.

etcd, kube-apiserver, kube-controller-manager and Metacontroller run as ordinary processes; a node
is simulated (see `dev.envtest.kubelet`). Nothing of this is part of the operator.
"""
