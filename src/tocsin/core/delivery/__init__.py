"""What becomes of messages on their way, decided: when one is tried again, how fast they may go, and when many become one.

``routes`` says where a message goes; ``schedule`` when it is tried again, ``repeats`` how it says so; ``pace`` how fast; ``tally`` and
``digest`` how many become one; ``combine`` what several outcomes come to; ``translate`` one channel's message for another.
"""
