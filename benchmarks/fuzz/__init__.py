# SPDX-License-Identifier: Apache-2.0
"""The fuzz campaign: chunks of every kind into the motion filter, judged by an oracle of its own.

``bodies``, ``playback`` and ``oracle`` import nothing of vla_safety: they share no code with what
they judge.
"""
