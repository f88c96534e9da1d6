// How many bits of its factors a convolution multiplies. Sums are always float32.
#pragma once
#include <string>

namespace pydarknet {

enum class Precision { kFp32, kTf32, kFp16, kBf16 };

// Throws std::invalid_argument for a name that is none of "fp32", "tf32", "fp16", "bf16".
Precision parse_precision(const std::string& name);
const char* precision_name(Precision precision);

// The coarsest precision that algorithms are chosen with, for the whole process: TF32 where the build has it,
// as in other programs; else FP32. Throws std::invalid_argument for one that no algorithm of this build has.
Precision precision();
void set_precision(Precision precision);

}  // namespace pydarknet
