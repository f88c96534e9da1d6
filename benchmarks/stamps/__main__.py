"""YOLO9000's idea on data of our own: boxes for one class in three, a class alone for all.

python benchmarks/stamps make     # the data set, from Debian's packages, into .cache/stamps
python benchmarks/stamps train    # all trainings, one after the other, and their table

"""

from __future__ import annotations

import sets

sets.make()
