// The emulated device runs host code.
#pragma once
#include "cpu/host_device.h"
