# Against a real control plane and the real Metacontroller. What is missing is a skip that says how
# to get it; E2E_REQUIRE=1 makes it a failure (for releases). Most of the time is waiting, so two
# control planes share it.
.PHONY: e2e demo-real control-plane
e2e: setup ## run the tests against real etcd, kube-apiserver and Metacontroller
	$(RUN)/pytest -n 2 --dist loadfile tests/e2e

demo-real: setup ## the demo on a real control plane and Metacontroller; KEEP=1 stays up
	@KEEP=$(KEEP) $(RUN)/python -m dev.demo.real

control-plane: setup ## build the control plane from its Go modules, once, and print its folder
	@$(RUN)/python -m dev.envtest.build
