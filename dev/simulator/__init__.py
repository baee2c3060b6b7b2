"""A Kubernetes cluster in one process, for the demo and the tests. Not for production.

Small, and exact where the operator can tell the difference: the API server's rules for versions,
status and deletion, Metacontroller's side of the hook contract, the kubelet's way of reporting a
container that ends. What is exact was read from the sources of Kubernetes 1.36 and Metacontroller
4.17.2 and is compared with recordings of both (tests/simulation).

The core is single-threaded. It gets its clock, its scheduler and its randomness from outside:
in virtual time it is a deterministic simulation, in real time the demo's cluster. HTTP and real
processes are adapters around it (serving, processes, webhooks).

Not modelled: authentication, admission, the choice between nodes, network policies.
"""
