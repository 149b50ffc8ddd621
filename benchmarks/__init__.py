"""Speed and efficiency against named peers, as ratios within one run; nothing is asserted here."""
