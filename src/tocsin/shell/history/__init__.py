"""The history: the runs and streaks that tocsin keeps in the user's state folder."""
