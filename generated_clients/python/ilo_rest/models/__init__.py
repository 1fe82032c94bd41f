"""What goes into the operations, and what comes out."""

from .active_token import ActiveToken
from .credentials import Credentials
from .done import Done
from .ended_sessions import EndedSessions
from .history import History
from .inactive_token import InactiveToken
from .input_error import InputError
from .input_error_in import InputErrorIn
from .key_version import KeyVersion
from .login import Login
from .made_room import MadeRoom
from .member_place import MemberPlace
from .member_state import MemberState
from .message_list import MessageList
from .new_key import NewKey
from .new_room import NewRoom
from .not_ready import NotReady
from .not_ready_status import NotReadyStatus
from .not_ready_type import NotReadyType
from .password_change import PasswordChange
from .problem import Problem
from .public_key_change import PublicKeyChange
from .public_user import PublicUser
from .question import Question
from .question_token_type_hint import QuestionTokenTypeHint
from .room import Room
from .room_kind import RoomKind
from .room_list import RoomList
from .room_member import RoomMember
from .room_of_mine import RoomOfMine
from .session_state import SessionState
from .sessions_question import SessionsQuestion
from .stored_data import StoredData
from .stored_message import StoredMessage
from .ticket import Ticket
from .user import User

__all__ = (
    "ActiveToken",
    "Credentials",
    "Done",
    "EndedSessions",
    "History",
    "InactiveToken",
    "InputError",
    "InputErrorIn",
    "KeyVersion",
    "Login",
    "MadeRoom",
    "MemberPlace",
    "MemberState",
    "MessageList",
    "NewKey",
    "NewRoom",
    "NotReady",
    "NotReadyStatus",
    "NotReadyType",
    "PasswordChange",
    "Problem",
    "PublicKeyChange",
    "PublicUser",
    "Question",
    "QuestionTokenTypeHint",
    "Room",
    "RoomKind",
    "RoomList",
    "RoomMember",
    "RoomOfMine",
    "SessionsQuestion",
    "SessionState",
    "StoredData",
    "StoredMessage",
    "Ticket",
    "User",
)
