// A CUDA device on the CPU: the entry points of the driver, cuBLAS, cuDNN and cuRAND that `device_check` needs.
// The kernels of cnn-ops are its own `.cu` files, compiled by a C++ compiler; memory comes filled with NaN.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <cmath>
#include <cstdint>
#include <string>
#include <map>
#include <vector>
#include <functional>
#include <utility>
#include <set>

#include "fibers.h"
#include "own_kernels.h"
#include "candle_kernels.h"
#include "driver.h"
#include "blas.h"
#include "dnn.h"
