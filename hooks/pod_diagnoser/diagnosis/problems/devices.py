"""Devices such as GPUs, and the plug-ins that hand them out."""

from typing import Final

from pod_diagnoser.diagnosis.problem_words import ProblemKind
from pod_diagnoser.diagnosis.problems.rule import CRIO, KUBELET, rows

DEVICES: Final = (
    *rows(
        ProblemKind.DEVICE_LOST,
        "NVIDIA/go-nvml (ERROR_GPU_IS_LOST), NVIDIA driver (Xid 79)",
        "gpu is lost",
        "gpu has fallen off the bus",
    ),
    *rows(
        ProblemKind.CDI_DEVICE_MISSING,
        "container-device-interface pkg/cdi/cache.go (InjectDevices); containerd, cri-o",
        "unresolvable cdi devices",
        "cdi device injection failed",
        "requested but cdi support is explicitly disabled",
        "failed to parse cdi device annotations",
    ),
    *rows(
        ProblemKind.DEVICE_PLUGIN_MISSING,
        KUBELET + "cm/devicemanager/manager.go (devicesToAllocate)",
        "cannot allocate unregistered device",
        "can't allocate unregistered device",
    ),
    *rows(
        ProblemKind.DEVICES_TAKEN,
        KUBELET + "cm/devicemanager/manager.go (devicesToAllocate)",
        "no healthy devices present; cannot allocate",
        "previously allocated devices are no longer healthy",
        "requested number of devices unavailable for",
    ),
    *rows(
        ProblemKind.DRA_DRIVER_MISSING,
        KUBELET + "cm/dra/plugin/dra_plugin_manager.go (GetPlugin), cm/dra/plugin/registration.go",
        "dra driver … is not registered",
        "plugin name … not found in the list of registered dra plugins",
    ),
    *rows(
        ProblemKind.DRA_FAILED,
        KUBELET + "cm/dra/manager.go (PrepareResources)",
        "prepare dynamic resources: ",
        "noderesourceprepare",
        "nodeprepareresources",
    ),
    *rows(
        ProblemKind.DEVICE_DRIVER_MISMATCH,
        "NVIDIA/go-nvml (ERROR_LIB_RM_VERSION_MISMATCH)",
        "driver/library version mismatch",
    ),
    *rows(
        ProblemKind.DEVICE_UNAVAILABLE,
        "NVIDIA/libnvidia-container src/cli, NVIDIA/nvidia-container-toolkit, go-nvml",
        "nvidia-container-cli: ",
        "nvidia-container-runtime … failed",
        " nvml: ",
        "could not select device driver",
        "error gathering device information while adding custom device",
    ),
    *rows(
        ProblemKind.DEVICE_UNAVAILABLE,
        CRIO + "internal/factory/container/device_linux.go",
        "is specified but is not in allowed_devices",
        "is not a valid device: ",
    ),
    *rows(
        ProblemKind.DEVICE_UNAVAILABLE,
        KUBELET + "cm/devicemanager/manager.go (callGetPreferredAllocationIfAvailable)",
        "due to device plugin … rpc failed",
        "allocate failed due to rpc error: ",
    ),
)
"""What device plug-ins, their drivers and the kubelet say."""
