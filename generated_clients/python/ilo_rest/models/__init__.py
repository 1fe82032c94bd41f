"""What goes into the operations, and what comes out."""

from .active_token import ActiveToken
from .credentials import Credentials
from .done import Done
from .inactive_token import InactiveToken
from .input_error import InputError
from .input_error_in import InputErrorIn
from .key_version import KeyVersion
from .login import Login
from .new_key import NewKey
from .not_ready import NotReady
from .not_ready_status import NotReadyStatus
from .not_ready_type import NotReadyType
from .password_change import PasswordChange
from .problem import Problem
from .public_key_change import PublicKeyChange
from .public_user import PublicUser
from .question import Question
from .question_token_type_hint import QuestionTokenTypeHint
from .session_state import SessionState
from .ticket import Ticket
from .user import User

__all__ = (
    "ActiveToken",
    "Credentials",
    "Done",
    "InactiveToken",
    "InputError",
    "InputErrorIn",
    "KeyVersion",
    "Login",
    "NewKey",
    "NotReady",
    "NotReadyStatus",
    "NotReadyType",
    "PasswordChange",
    "Problem",
    "PublicKeyChange",
    "PublicUser",
    "Question",
    "QuestionTokenTypeHint",
    "SessionState",
    "Ticket",
    "User",
)
