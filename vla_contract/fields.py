# SPDX-License-Identifier: Apache-2.0
"""Kinds of value that several documents hold."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

_TOPIC = re.compile(r'(~/|/)?[A-Za-z_][A-Za-z0-9_]*(/[A-Za-z_][A-Za-z0-9_]*)*')


def _is_topic(name: str) -> str:
    if name and (not _TOPIC.fullmatch(name) or '__' in name):
        raise ValueError(
            'must be a ROS name, like joint_states or camera/image_raw: letters, digits and _ in '
            'parts joined by /, no part beginning with a digit'
        )
    return name


Positive = Annotated[float, Field(gt=0)]
Name = Annotated[str, Field(min_length=1)]
Topic = Annotated[str, Field(min_length=1), AfterValidator(_is_topic)]
OptionalTopic = Annotated[str, AfterValidator(_is_topic)]
