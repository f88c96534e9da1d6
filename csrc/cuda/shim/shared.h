// Shared memory: PYDARKNET_SHARED(type, name) inside a kernel, PYDARKNET_DYNAMIC_SHARED(T, name).
#pragma once

#define PYDARKNET_SHARED(type, name) __shared__ type name

extern __shared__ __align__(128) unsigned char pydarknet_dynamic_shared[];
#define PYDARKNET_DYNAMIC_SHARED(T, name) T* name = reinterpret_cast<T*>(pydarknet_dynamic_shared)
