from drills.catalogue import *
from drills.harness import *
from drills.warehouse import database
import sys
with database() as url:
    for d in all_drills():
        if len(sys.argv)>1 and sys.argv[1] not in str(d): continue
        try: r=run_drill(d,url)
        except ValueError as e: print(d, e); continue
        print(d, r.requests, dict(r.happened), r.runs, r.expected, r.found, r.lost, r.doubled, round(r.seconds,1), r.problems, flush=True)
