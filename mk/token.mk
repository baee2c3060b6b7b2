# The tokens with which Metacontroller calls the hook; metacontroller/README.md says more. Needed: kubectl.
KUBECTL ?= kubectl

.PHONY: token
token: ## make the hook's tokens, unless they are there
	@KUBECTL="$(KUBECTL)" sh metacontroller/token.sh create

.PHONY: rotate-token
rotate-token: ## have Metacontroller use another token, and replace the one it used
	@KUBECTL="$(KUBECTL)" sh metacontroller/token.sh rotate
