"""What a Pod refers to and what is not there: ConfigMaps, Secrets, their keys."""

from typing import Final

from pod_diagnoser.diagnosis.problem_words import ProblemKind
from pod_diagnoser.diagnosis.problems.rule import KUBELET, VOLUME, rows

MISSING: Final = (
    *rows(
        ProblemKind.KEY_MISSING,
        KUBELET + "kubelet_pods.go (makeEnvironmentVariables); " + VOLUME + "configmap, secret",
        "couldn't find key",
        "references non-existent config key",
        "references non-existent secret key",
    ),
    *rows(
        ProblemKind.CONFIG_MAP_MISSING,
        "apimachinery pkg/api/errors (NewNotFound) for configmaps; " + VOLUME + "configmap",
        'configmap "" not found',
        'configmaps "" not found',
    ),
    *rows(
        ProblemKind.SECRET_MISSING,
        "apimachinery pkg/api/errors (NewNotFound) for secrets; " + VOLUME + "secret",
        'secret "" not found',
        'secrets "" not found',
    ),
    *rows(
        ProblemKind.CLAIM_MISSING,
        "apimachinery pkg/api/errors (NewNotFound) for PVCs; scheduler volumebinding",
        'persistentvolumeclaim "" not found',
        'persistentvolumeclaims "" not found',
    ),
    *rows(
        ProblemKind.CLAIM_UNBOUND,
        KUBELET + "volumemanager/populator (getPVCExtractPV); scheduler volumebinding",
        "has non-bound phase",
        ": pvc is not bound",
        "unbound immediate persistentvolumeclaims",
        "pod has unbound persistentvolumeclaims",
    ),
    *rows(
        ProblemKind.CLAIM_DELETING,
        KUBELET + "volumemanager/populator (getPVCExtractPV); scheduler volumebinding",
        "because pvc … is being deleted",
        "pvc is being deleted",
        'persistentvolumeclaim "" is being deleted',
    ),
    *rows(
        ProblemKind.SERVICE_ACCOUNT_MISSING,
        "apimachinery pkg/api/errors (NewNotFound) for serviceaccounts",
        'serviceaccount "" not found',
        'serviceaccounts "" not found',
    ),
    *rows(
        ProblemKind.OBJECT_NOT_CACHED,
        "kubernetes plugin/pkg/auth/authorizer/node/node_authorizer.go",
        "no relationship found between node",
    ),
    *rows(
        ProblemKind.TOKEN_UNAVAILABLE,
        VOLUME + "projected/projected.go (collectData), " + KUBELET + "token/token_manager.go",
        "failed to fetch token: ",
        "failed to get service account token attributes",
    ),
    *rows(
        ProblemKind.OBJECT_NOT_CACHED,
        KUBELET + "util/manager/watch_based_manager.go, cache_based_manager.go",
        'object ""/"" not registered',
        "services have not yet been read at least once",
        'configmaps "" is forbidden',
        'secrets "" is forbidden',
        "failed to sync configmap cache",
        "failed to sync secret cache",
    ),
    *rows(
        ProblemKind.SECRET_PROVIDER_MISSING,
        "kubernetes-sigs/secrets-store-csi-driver pkg/secrets-store/provider_client.go, nodeserver",
        "error connecting to provider",
        "provider not found: provider",
        "failed to find provider binary",
        "secrets-store-csi-providers/ … no such file or directory",
    ),
    *rows(
        ProblemKind.SECRET_STORE_FAILED,
        "kubernetes-sigs/secrets-store-csi-driver pkg/secrets-store/nodeserver.go",
        "failed to mount secrets store objects",
        "failed to get secretproviderclass",
        "secretproviderclasses.secrets-store.csi.x-k8s.io",
    ),
)
"""What says that something is missing."""
