"""The compliance report of any period: `facts` is what it is made of, `build` makes it; pure."""
