"""`python -m ilo_chat`: what `ilo-chat` is."""

import sys

from ilo_chat.main import main

sys.exit(main())
