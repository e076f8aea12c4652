"""The known traps of a training step: what is wrong, where, and what to do.

Every trap is one small file that looks at recorded steps only. What is reported was
seen in the recording; where the numbers leave room for another reading, the trap says
nothing.
"""
